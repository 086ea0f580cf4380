"""
Golden values for src/stats: what SciPy says of the same samples.
Prints JSON lines: first the versions, then samples by name, then one case a
line. The same SciPy prints the same bytes. Needs scipy >= 1.17 and numpy in
an environment of its own, never in this package:

    python scripts/golden-stats.py > src/stats/golden.jsonl

src/stats/golden.test.ts reads it. Where SciPy has no function (Holm,
Walsh averages, Tukey's fences, lag-1 autocorrelation) the definition is
written out here, in the plainest form there is.
"""

import json
import math
import warnings

import numpy as np
import scipy
from scipy import stats

warnings.filterwarnings("ignore")  # p-values of tied and of tiny samples
SEED = 20261121


def emit(**fields):
    print(json.dumps(fields, separators=(",", ":"), allow_nan=False))


def numbers(array):
    return [float(value) for value in array]


def make_samples():
    rng = np.random.default_rng(SEED)
    samples = {
        "one": [7.25],
        "two": [3.5, 1.25],
        "three": [2.0, 9.0, 4.0],
        "five": rng.normal(100, 3, 5).round(3),
        "six": rng.normal(101, 3, 6).round(3),
        "seven": rng.normal(99, 3, 7).round(3),
        "eight": rng.normal(104, 3, 8).round(3),
        "nine": rng.normal(104, 3, 9).round(3),
        "ten": rng.normal(100, 3, 10).round(3),
        "tenth dearer": rng.normal(110, 3, 10).round(3),
        "twenty": rng.normal(100, 2, 20).round(3),
        "thirty": rng.normal(100, 2, 30).round(3),
        "thirty dearer": rng.normal(102, 2, 30).round(3),
        "skewed": rng.lognormal(3, 0.6, 60).round(3),
        "heavy tail": (100 + rng.standard_t(2, 120)).round(3),
        "hundred": rng.exponential(20, 100).round(3),
        "ties": rng.integers(1, 6, 40),
        "more ties": rng.integers(2, 8, 33),
        "two levels": [1, 1, 1, 1, 1, 1, 1, 2, 2, 1, 1, 40],
        "constant": [5.5] * 12,
        "another constant": [5.75] * 9,
        "negative": rng.normal(0, 5, 25).round(3),
        "tiny": (rng.normal(100, 3, 15) * 1e-9).round(13),
        "huge": (rng.normal(100, 3, 15) * 1e12).round(0),
        "rising": (100 + np.arange(40) * 0.3 + rng.normal(0, 2, 40)).round(3),
        "wandering": (100 + np.cumsum(rng.normal(0, 1, 80))).round(3),
        "outliers": np.concatenate([rng.normal(50, 1, 30), [90, 58.5, 12, 55.5]]).round(3),
        "fast": rng.lognormal(2, 0.4, 368).round(3),
        "slow": rng.lognormal(2.1, 0.4, 250).round(3),
        "thousand": rng.lognormal(2, 0.5, 1000).round(2),
    }
    return {name: np.asarray(values, dtype=float) for name, values in samples.items()}


def quantiles(samples):
    for name, values in samples.items():
        for q in [0.0, 0.001, 0.05, 0.25, 1 / 3, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0]:
            emit(of="quantile", sample=name, q=q, value=float(stats.quantile(values, q)))


def quantile_intervals(samples):
    for name, values in samples.items():
        for q in [0.1, 0.5, 0.9, 0.99]:
            for confidence in [0.9, 0.95, 0.99]:
                interval = stats.quantile_test(values, q=0, p=q).confidence_interval(confidence)
                missing = math.isnan(interval.low) or math.isnan(interval.high)
                ends = None if missing else [float(interval.low), float(interval.high)]
                emit(of="quantileInterval", sample=name, q=q, confidence=confidence, ends=ends)
    for q in [0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999]:
        for confidence in [0.9, 0.95, 0.99]:
            tail = (1 - confidence) / 2
            n = 1
            while stats.binom.ppf(tail, n, q) < 1 or stats.binom.isf(tail, n, q) > n - 1:
                n += 1
            emit(of="samplesForQuantile", q=q, confidence=confidence, count=n)


def distributions():
    for z in [-6, -2.5, -1, -1e-9, 0, 1e-9, 0.1, 0.5, 1, 1.5, 1.96, 2.5, 2.999999, 3, 3.5, 5, 8, 12, 20, 37]:
        emit(of="normalSurvival", z=z, value=float(stats.norm.sf(z)))
    for n in [1, 2, 5, 15, 16, 40, 368, 1000, 100_000, 1_000_000]:
        for p in [0.001, 0.1, 0.5, 0.9, 0.999]:
            mean, deviation = n * p, math.sqrt(n * p * (1 - p))
            for k in sorted({0, n, *(min(n, max(0, round(mean + z * deviation))) for z in [-6, -2, 0, 1, 4])}):
                emit(of="binomialPmf", k=k, n=n, p=p, value=float(stats.binom.pmf(k, n, p)))
                emit(of="binomialCdf", k=k, n=n, p=p, value=float(stats.binom.cdf(k, n, p)))
            for probability in [0.005, 0.025, 0.5, 0.975]:
                k = int(stats.binom.ppf(probability, n, p))
                emit(of="binomialQuantile", probability=probability, n=n, p=p, k=k)


PAIRS = [
    ("one", "two"), ("two", "three"), ("three", "five"), ("five", "six"), ("six", "seven"), ("five", "eight"), ("eight", "thousand"),
    ("seven", "fast"), ("eight", "eight"), ("nine", "ten"), ("nine", "eight"), ("ten", "tenth dearer"), ("twenty", "thirty"),
    ("thirty", "thirty dearer"), ("skewed", "hundred"), ("ties", "more ties"), ("more ties", "ties"), ("two levels", "ties"),
    ("constant", "constant"), ("constant", "another constant"), ("one", "constant"), ("negative", "constant"), ("tiny", "negative"),
    ("huge", "thirty"), ("heavy tail", "hundred"), ("fast", "slow"), ("thousand", "fast"),
]


def mann_whitney(samples):
    for name_a, name_b in PAIRS:
        a, b = samples[name_a], samples[name_b]
        u, p = stats.mannwhitneyu(a, b, method="auto")
        larger = np.greater.outer(b, a).mean()
        emit(of="mannWhitney", a=name_a, b=name_b, u=float(u), p=float(p), cliffsDelta=float(larger - np.less.outer(b, a).mean()))


def signed_rank(samples):
    for name, values in samples.items():
        for shift in [0.0, float(np.median(values)), float(values[0])]:
            # Subtracted here: what is left after the decimal point decides ties.
            differences = values - shift
            if len(differences) < 6:
                continue
            rest = differences[differences != 0]
            tied = len(np.unique(np.abs(rest))) < len(rest) or len(rest) < len(differences)
            exact = len(rest) <= 50 and not tied
            w_plus = float(stats.rankdata(np.abs(rest))[rest > 0].sum()) if len(rest) else 0.0
            p = float(stats.wilcoxon(differences, method="exact" if exact else "asymptotic").pvalue) if len(rest) else 1.0
            averages = np.sort(np.add.outer(differences, differences)[np.triu_indices(len(differences))] / 2)
            ends = None
            if len(differences) <= 50:
                n = len(differences)
                ways = [1]
                for rank in range(1, n + 1):
                    grown = ways + [0] * rank
                    for index, way in enumerate(ways):
                        grown[index + rank] += way
                    ways = grown
                cut, below = 0, ways[0]
                while 40 * (below + ways[cut + 1]) <= sum(ways):
                    cut, below = cut + 1, below + ways[cut + 1]
                ends = [float(averages[cut]), float(averages[-1 - cut])]
            emit(of="signedRank", sample=name, shift=shift, wPlus=w_plus, p=p, pseudomedian=float(np.median(averages)), ends=ends)


def holm():
    rng = np.random.default_rng(SEED + 1)
    for ps in [[], [0.03], [0.01, 0.04, 0.03], [0.02, 0.02, 0.02], [1, 0, 0.5], numbers(rng.uniform(0, 0.2, 12).round(5))]:
        ascending = sorted(ps)
        adjusted = [
            max(min(1.0, (len(ps) - place) * ascending[place]) for place in range(ascending.index(p) + 1)) for p in ps
        ]
        # Equal ps: the first of them has the largest factor, and the others may not fall below it.
        emit(of="holm", ps=ps, adjusted=adjusted)


def product_limit(samples):
    """Every third value is censored, and in half of the cases the largest ones as well."""
    for name in ["ten", "twenty", "hundred", "ties", "more ties", "skewed", "fast"]:
        values = samples[name]
        for cut in [False, True]:
            is_censored = np.arange(len(values)) % 3 == 0
            if cut:
                is_censored |= values >= np.quantile(values, 0.9)
            cdf = stats.ecdf(stats.CensoredData.right_censored(values, is_censored)).cdf
            seen = np.isin(cdf.quantiles, values[~is_censored])
            emit(of="productLimit", sample=name, censored=[int(index) for index in np.flatnonzero(is_censored)],
                 values=numbers(cdf.quantiles[seen]), shares=numbers(cdf.probabilities[seen]))


def outliers(samples):
    for name, values in samples.items():
        lower, upper = stats.quantile(values, 0.25), stats.quantile(values, 0.75)
        iqr = stats.iqr(values)
        emit(of="tukeyFences", sample=name,
             fences=numbers([lower - 3 * iqr, lower - 1.5 * iqr, upper + 1.5 * iqr, upper + 3 * iqr]))
        if len(values) > 150:
            continue
        scale = stats.median_abs_deviation(values, scale="normal")
        if scale == 0:
            scale = np.abs(values - np.median(values)).mean() * math.sqrt(math.pi / 2)
        scores = np.zeros(len(values)) if scale == 0 else (values - np.median(values)) / scale
        emit(of="modifiedZScores", sample=name, scores=numbers(scores))


def drift(samples):
    for name, values in samples.items():
        if len(values) < 3 or np.ptp(values) == 0:
            continue
        centred = values - values.mean()
        emit(of="lagOneAutocorrelation", sample=name, value=float((centred[1:] * centred[:-1]).sum() / (centred**2).sum()))
        tau, p = stats.kendalltau(np.arange(len(values)), values, method="asymptotic")
        emit(of="trendTest", sample=name, tau=float(tau), p=float(p))


RESAMPLES = 20_000
BOOTSTRAP_SEEDS = 6


def bootstrap(samples):
    """Other random numbers give other ends, so each end is given as the range that SciPy's own seeds show."""
    statistics = {
        "median": lambda x, axis: np.median(x, axis=axis),
        "mean": lambda x, axis: np.mean(x, axis=axis),
        "p90": lambda x, axis: np.quantile(x, 0.9, axis=axis),
    }

    def band(data, statistic, confidence):
        ends = []
        for seed in range(BOOTSTRAP_SEEDS):
            result = stats.bootstrap(data, statistic, n_resamples=RESAMPLES, method="percentile", confidence_level=confidence,
                                     vectorized=True, batch=1000, rng=np.random.default_rng(SEED + seed))
            ends.append([float(result.confidence_interval.low), float(result.confidence_interval.high)])
        lows, highs = zip(*ends)
        return {"low": [min(lows), max(lows)], "high": [min(highs), max(highs)]}

    for name_a, name_b in [("five", "six"), ("ten", "tenth dearer"), ("thirty", "thirty dearer"), ("hundred", "skewed"), ("ties", "more ties")]:
        for label, statistic in statistics.items():
            def ratio(a, b, axis, statistic=statistic):
                return statistic(b, axis) / statistic(a, axis)
            emit(of="bootstrapRatioInterval", a=name_a, b=name_b, statistic=label, confidence=0.95,
                 **band((samples[name_a], samples[name_b]), ratio, 0.95))


def main():
    emit(scipy=scipy.__version__, numpy=np.__version__)
    samples = make_samples()
    for name, values in samples.items():
        emit(name=name, values=numbers(values))
    quantiles(samples)
    quantile_intervals(samples)
    distributions()
    mann_whitney(samples)
    signed_rank(samples)
    holm()
    product_limit(samples)
    outliers(samples)
    drift(samples)
    bootstrap(samples)


main()
