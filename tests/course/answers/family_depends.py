"""Answers to ex-family-depends: right ones, written differently, and wrong ones, each with a bug that people make."""

import torch


def right_by_search(wires, held):
    """A search from every node, which enters no held node."""
    k, table, closed = len(wires), wires.tolist(), held.tolist()
    changed = torch.zeros(k, k, dtype=wires.dtype)
    for start in range(k):
        seen, fresh = {start}, [start]
        while fresh:
            node = fresh.pop()
            found = [j for j in range(k) if table[node][j] and not closed[j] and j not in seen]
            seen.update(found)
            fresh += found
        changed[start, list(seen)] = 1
    return changed


def right_by_inverse(wires, held):
    """All paths are counted by the inverse of I - A, which exists because there are no cycles."""
    eye = torch.eye(len(wires), dtype=wires.dtype)
    return (torch.linalg.inv(eye - wires * (1 - held)) > 0.5).to(wires.dtype)


def right_by_warshall(wires, held):
    """Warshall's closure: a path through node m joins what ends there with what begins there."""
    changed = wires * (1 - held)
    for m in range(len(wires)):
        changed = torch.maximum(changed, changed[:, m : m + 1] * changed[m : m + 1])
    return torch.maximum(changed, torch.eye(len(wires), dtype=wires.dtype))


def _closure(wires):
    changed = torch.eye(len(wires), dtype=wires.dtype)
    for _ in range(len(wires)):
        changed = ((changed + changed @ wires) > 0).to(wires.dtype)
    return changed


def wrong_direct_wires_only(wires, held):
    """One step: what is two wires away seems independent."""
    eye = torch.eye(len(wires), dtype=wires.dtype)
    return ((eye + wires * (1 - held)) > 0).to(wires.dtype)


def wrong_two_steps(wires, held):
    """Two steps and no more."""
    one = torch.eye(len(wires), dtype=wires.dtype) + wires * (1 - held)
    return ((one @ one) > 0).to(wires.dtype)


def wrong_nothing_held(wires, held):
    """Forgets what is held: the label reaches the score through the sample."""
    return _closure(wires)


def wrong_held_cannot_start(wires, held):
    """A held node, changed by hand, changes nothing else."""
    return _closure(wires * (1 - held) * (1 - held)[:, None])


def wrong_held_is_changed(wires, held):
    """A held node passes nothing on, but is itself changed by what feeds it."""
    return _closure(wires * (1 - held)[:, None])


def wrong_without_itself(wires, held):
    """A node does not depend on itself, not even when changed by hand."""
    return _closure(wires * (1 - held)) - torch.eye(len(wires), dtype=wires.dtype)


def wrong_transposed(wires, held):
    """What a node depends on, in place of what depends on it."""
    return _closure(wires * (1 - held)).T


def wrong_number_of_paths(wires, held):
    """Counts the paths."""
    return torch.linalg.inv(torch.eye(len(wires), dtype=wires.dtype) - wires * (1 - held))


def wrong_in_listed_order(wires, held):
    """Takes the nodes as sorted: one pass from the first to the last."""
    changed = torch.eye(len(wires), dtype=wires.dtype)
    open_wires = wires * (1 - held)
    for j in range(len(wires)):
        for i in range(j):
            if open_wires[i, j]:
                changed[:, j] = torch.maximum(changed[:, j], changed[:, i])
    return changed


def wrong_both_ways(wires, held):
    """Wires without a direction."""
    open_wires = wires * (1 - held)
    return _closure(open_wires + open_wires.T)


def wrong_holds_the_others(wires, held):
    """Holds what is not listed."""
    return _closure(wires * held)
