"""Answers to ex-sampling-chain: right ones, written differently, and wrong ones, each with a bug that people make."""

import torch


def _close(moves):
    """What is not moved stays."""
    moves = moves - torch.diag(moves.diagonal())
    return moves + torch.diag(1 - moves.sum(dim=1))


def _flows(log_f, q):
    """All acceptances' numerators and denominators, relative to the larger target of each pair."""
    larger = torch.maximum(log_f[:, None], log_f[None, :])
    here, there = (log_f[:, None] - larger).exp(), (log_f[None, :] - larger).exp()
    return here * q, there * q.T


def right_by_flows(log_f, q):
    """The smaller of both flows, divided by the target: min(f_i q_ij, f_j q_ji) / f_i."""
    gap = log_f[None, :] - log_f[:, None]
    return _close(torch.minimum(q, gap.clamp_max(700).exp() * q.T))


def right_by_loop(log_f, q):
    """Entry by entry, as the definition says."""
    k = len(log_f)
    P = torch.zeros(k, k, dtype=q.dtype)
    for i in range(k):
        for j in range(k):
            if i != j and q[i, j] > 0 and q[j, i] > 0:
                log_ratio = log_f[j] - log_f[i] + q[j, i].log() - q[i, j].log()
                P[i, j] = q[i, j] * min(1.0, log_ratio.clamp_max(0).exp().item())
        P[i, i] = 1 - P[i].sum()
    return P


def right_by_rejected_mass(log_f, q):
    """Accepted proposals, those of the state itself among them, plus what was rejected."""
    up, down = _flows(log_f, q)
    accept = torch.where(up > 0, (down / up).clamp_max(1), (down > 0).to(q))
    accept = torch.where(torch.eye(len(q)) > 0, 1.0, accept)
    return q * accept + torch.diag((q * (1 - accept)).sum(dim=1))


def _gap(log_f):
    return (log_f[None, :] - log_f[:, None]).clamp(-700, 700)


def wrong_no_correction(log_f, q):
    """Metropolis's ratio for a proposal that is not symmetric."""
    return _close(q * _gap(log_f).clamp_max(0).exp())


def wrong_upside_down(log_f, q):
    """f(x) / f(y): the chain climbs away from the target."""
    return right_by_flows(-log_f, q)


def wrong_correction_upside_down(log_f, q):
    """q_ij / q_ji instead of q_ji / q_ij."""
    ratio = _gap(log_f).exp() * torch.where(q > 0, q / q.T.clamp_min(1e-12), 0)
    return _close(q * ratio.clamp_max(1))


def wrong_by_density(log_f, q):
    """Accepted with the probability of the new state instead of a ratio."""
    return _close(q * log_f.softmax(dim=0)[None, :])


def wrong_not_repeated(log_f, q):
    """Proposing until something is accepted, instead of counting the old state once more."""
    moves = torch.minimum(q, _gap(log_f).exp() * q.T)
    total = moves.sum(dim=1, keepdim=True)
    return torch.where(total > 0, moves / total.clamp_min(1e-30), torch.eye(len(q)).double())


def wrong_rejections_lost(log_f, q):
    """Rejected proposals are nowhere: rows that do not add up to 1."""
    return torch.minimum(q, _gap(log_f).exp() * q.T)


def wrong_transposed(log_f, q):
    """From j to i, in columns."""
    return right_by_flows(log_f, q).T.contiguous()


def wrong_overflow(log_f, q):
    """exp of the logarithms before their ratio: 0 / 0 and inf / inf."""
    f = log_f.exp()
    ratio = f[None, :] * q.T / (f[:, None] * q)
    return _close(q * torch.where(q > 0, ratio, 0).clamp_max(1))


def wrong_clamped(log_f, q):
    """Overflow avoided by clamping the logarithms, so that all large states are alike."""
    return right_by_flows(log_f.clamp(-20, 20), q)


def wrong_logs_as_weights(log_f, q):
    """The logarithms taken for the weights themselves."""
    f = log_f.abs() + 1e-9
    return _close(torch.minimum(q, f[None, :] / f[:, None] * q.T))


def wrong_independent(log_f, q):
    """The stationary distribution in every row: the right limit, and not this chain."""
    return log_f.softmax(dim=0).expand(len(q), -1).clone()


def wrong_barker(log_f, q):
    """Barker's acceptance r / (1 + r): in balance as well, but not Metropolis-Hastings."""
    up, down = _flows(log_f, q)
    return _close(q * torch.where(up + down > 0, down / (up + down).clamp_min(1e-300), 0))


def wrong_always(log_f, q):
    """Every proposal accepted."""
    return q.clone()


def wrong_greedy(log_f, q):
    """Only what is better is accepted: an optimiser."""
    up, down = _flows(log_f, q)
    return _close(q * (down >= up))


def wrong_symmetrised(log_f, q):
    """The proposal made symmetric first: another proposal."""
    return right_by_flows(log_f, (q + q.T) / 2)
