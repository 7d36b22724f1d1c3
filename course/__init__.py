"""Exercises for a class: one chapter yields the student's notebook, the instructor's, and the grader's hidden cases."""
