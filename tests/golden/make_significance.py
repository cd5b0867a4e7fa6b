"""Write tests/golden/significance.json: what scipy.stats gives for seeded samples.

Run it with a Python that has scipy 1.15 or newer:

    python tests/golden/make_significance.py
"""

import json
from pathlib import Path

import numpy as np
from scipy import stats

GOLDEN = Path(__file__).parent / "significance.json"


def spearman(left: np.ndarray, right: np.ndarray) -> float:
    return float(stats.spearmanr(left, right).statistic)


def interval(data: tuple[np.ndarray, ...], statistic: object, *, level: float, resamples: int, seed: int) -> dict:
    """The BCa interval, of rows drawn with numpy's generator of that seed, all at once."""
    found = stats.bootstrap(
        data,
        statistic,
        paired=True,
        vectorized=False,
        confidence_level=level,
        n_resamples=resamples,
        method="BCa",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    values = [one.tolist() for one in data]
    return {"data": values, "level": level, "resamples": resamples, "seed": seed, "low": found.low, "high": found.high}


def test(baseline: np.ndarray, candidate: np.ndarray, statistic: object) -> dict:
    """The p-values of all arrangements: whose a value is, is exchanged in each pair."""
    found = {
        name: stats.permutation_test(
            (candidate, baseline),
            statistic,
            permutation_type="samples",
            vectorized=False,
            n_resamples=np.inf,
            alternative=alternative,
        ).pvalue
        for name, alternative in (("p_value", "two-sided"), ("p_fall", "less"), ("p_rise", "greater"))
    }
    return {"baseline": baseline.tolist(), "candidate": candidate.tolist(), **found}


def main() -> None:
    random = np.random.default_rng(20)
    scores = random.beta(0.7, 1.5, 40).round(6)
    left, gold = random.normal(size=25).round(6), random.integers(0, 6, 25).astype(float)
    base = random.beta(0.7, 1.5, 11).round(6)
    other = (base - 0.1 + random.normal(scale=0.15, size=11)).round(6)
    ranks, others = (random.permutation(9).astype(float) for _ in range(2))
    truth = np.arange(9.0)
    p_values = np.concatenate([random.beta(0.2, 1, 6), random.uniform(size=5), [0.03, 0.03, 0.0, 1.0]]).round(6)
    golden = {
        "mean": interval((scores,), np.mean, level=0.95, resamples=999, seed=3),
        "spearman": interval((left, gold), spearman, level=0.9, resamples=499, seed=4),
        "means": test(base, other, lambda x, y: float(np.mean(x) - np.mean(y))),
        "rank_correlations": {
            "gold": truth.tolist(),
            **test(ranks, others, lambda x, y: spearman(x, truth) - spearman(y, truth)),
        },
        "corrected": {"p_values": p_values.tolist(), "bh": stats.false_discovery_control(p_values).tolist()},
    }
    GOLDEN.write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
