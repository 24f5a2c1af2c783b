"""Exercise 5 of 6: the VJP of softmax cross-entropy, averaged over a batch.

Forward:  logits (N, C), labels (N,) of whole numbers below C. With p = softmax(logits) along each row,
          loss = -(1/N) sum over n of log p[n, labels[n]], a number.
Task:     from g, a number, find logits_bar, with the shape of logits. Labels are not differentiated.

Think about it:
- log p[n, l] = logits[n, l] - log(sum over c of exp(logits[n, c])). What is the derivative of the second term, and
  where have you seen it?
- A row's cotangents sum to zero. Why must they, if the same number is added to all logits of a row?
- Which factor does the mean bring? And g need not be 1: the loss may be multiplied by 0.5 later on.
- exp(1000) overflows, softmax must not: subtract each row's maximum first. Does that change p?

Judged to second order: write np functions of g and logits, and write into no array.
"""

import numpy as np


def cross_entropy(logits, labels):
    """Return the mean of -log softmax(logits)[n, labels[n]]."""
    shifted = logits - np.max(logits, axis=1, keepdims=True)
    log_p = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    return -np.mean(log_p[np.arange(len(labels)), labels])


def cross_entropy_vjp(g, logits, labels):
    """Return logits_bar, with the shape of logits, for a number g."""
    # -- solution
    # loss = (1/N) Σ_n (log Σ_c exp(x_nc) - x_n,l(n)). The first term's derivative in x_nc is exp(x_nc) / Σ exp = p_nc,
    # the second one's is -1 where c is the label and 0 elsewhere:
    #     x_bar_nc = g/N (p_nc - [c = l(n)]).
    # "What the network says minus what is true". The sum over c is 1 - 1 = 0.
    shifted = logits - np.max(logits, axis=1, keepdims=True)
    e = np.exp(shifted)
    p = e / np.sum(e, axis=1, keepdims=True)
    truth = np.eye(logits.shape[1], dtype=logits.dtype)[labels]
    return g * (p - truth) / len(labels)
