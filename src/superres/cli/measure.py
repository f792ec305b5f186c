"""``superres measure``: figures of pictures, or of two folders, with the protocol they were taken under."""

import json as encoding
from pathlib import Path
from typing import TYPE_CHECKING, Any

from superres.cli.progress import reporter, say
from superres.types import BadRequest

if TYPE_CHECKING:
    from superres.bench.folders import Figures
    from superres.bench.matching import Matched
    from superres.bench.measuring import Measured

_UNDONE = 1


def measure(
    pictures: tuple[str, ...],
    /,
    *,
    metric: tuple[str, ...] = ("psnr", "ssim"),
    protocol: str = "y-studio-v1",
    scale: int | None = None,
    combine: tuple[str, ...] = (),
    scores: str | None = None,
    recursive: bool = False,
    suffix: tuple[str, ...] = (),
    jobs: int | None = None,
    json: bool = False,
    csv: bool = False,
) -> int:
    """Measure a picture, or two folders of them by name: PSNR, SSIM and more, each under a named protocol.

    Pictures of folders belong together that have one name, whatever their formats; else those that have one without
    known suffixes (x4, _SR, _HR, _LR, _GT, _out), so that baby_x4_SR finds baby_HR. Two that fit are refused.

    Figures go to stdout, everything else to stderr. Exit status: 0 all measured; 1 some pictures have no partner or
    could not be measured; 2 wrong request; 3 a picture cannot be read.

    Args:
        pictures: the picture or folder to measure, and the true one (not needed by metrics without a reference)
        metric: what to measure
        protocol: the convention: colour, rounding, border, mean; a wrong name lists all
        scale: how many times the picture was enlarged; most protocols cut that many pixels of border, and ergas and
            consistency depend on it
        combine: a weighted sum of the figures, like psnr=0.1 ssim=2
        scores: a CSV file of people's opinions, its first column names and its last one scores; for folders
        recursive: look into sub-folders, of one name on both sides
        suffix: more endings of names to look past, such as _RCAN
        jobs: pictures measured side by side (one a processor when not given)
        json: print JSON; infinity is the string "inf"
        csv: print comma-separated values
    """
    from superres.bench.protocols import find_protocol

    if len(pictures) not in (1, 2):
        raise BadRequest(
            f"{len(pictures)} pictures were named; wanted TEST, or TEST and REF, before the flags: "
            "superres measure TEST REF --metric psnr ssim"
        )
    if json and csv:
        raise BadRequest("--json and --csv exclude each other; choose one")
    weights = _weights(combine)
    convention = find_protocol(protocol)
    test, *others = (Path(one).expanduser() for one in pictures)
    reference = others[0] if others else None
    if reference is not None and test.is_dir() != reference.is_dir():
        raise BadRequest(f"{test} and {reference}: one is a folder and one is not; name two pictures or two folders")
    if not test.is_dir():
        if scores is not None or recursive or suffix:
            flag = "--scores" if scores is not None else "--recursive" if recursive else "--suffix"
            raise BadRequest(f"{flag} is for many pictures, and {test} is one; name folders")
        from superres.bench import measuring

        found = measuring.measure(test, reference, metric, protocol=convention, scale=scale)
        print(_one(found, weights, json=json, csv=csv))
        return 0
    from superres.bench.matching import match

    matched = match(test, reference, recursive=recursive, suffixes=suffix)
    return _folders(matched, metric, convention, scale, jobs, weights, scores, json, csv)


def _folders(
    matched: "Matched", metric: tuple[str, ...], protocol: Any, scale: int | None, jobs: int | None,
    weights: dict[str, float], scores: str | None, json: bool, csv: bool,
) -> int:  # fmt: skip
    from superres.bench.folders import measure_folders
    from superres.bench.opinions import read_opinions

    people = None if scores is None else read_opinions(Path(scores).expanduser())
    if renamed := [f"{one} with {other}" for one, other in matched.renamed]:
        say(f"superres: paired without suffixes: {', '.join(renamed)}")
    with reporter(len(matched.pairs)) as bar:
        found = measure_folders(
            matched, metric, protocol=protocol, scale=scale, jobs=jobs,
            begin=lambda name: bar.begin(name, 1), end=bar.end,
        )  # fmt: skip
    for name, why in found.failed.items():
        say(f"superres: {name}: {why}")
    for side, names in (("test", matched.only_test), ("reference", matched.only_reference)):
        if names:
            say(f"superres: only among the {side} pictures, not measured: {', '.join(names)}")
    agreements = [] if people is None else _opinions(found, people)
    if json:
        print(encoding.dumps(_with_more(found, weights, agreements), indent=2, ensure_ascii=False, allow_nan=False))
    elif csv:
        print(_csv(found, weights), end="")
        for one in agreements:
            say(f"superres: {_agreement_line(one)}")
    else:
        print(_text(found, weights, agreements))
    return 0 if found.complete else _UNDONE


def _one(found: "Measured", weights: dict[str, float], *, json: bool, csv: bool) -> str:
    from superres.bench.measuring import plain
    from superres.bench.tables import figure, heading

    more = _combined(found.values, weights)
    if json:
        figures: dict[str, Any] = {name: plain(value) for name, value in more.items()}
        return encoding.dumps(found.plain() | figures, ensure_ascii=False, allow_nan=False)
    if csv:
        names = [*found.values, *more]
        values = [repr(value) for value in (*found.values.values(), *more.values())]
        return ",".join([*names, "protocol"]) + "\n" + ",".join([*values, f'"{found.protocol}"'])
    lines = [
        f"{heading(found.facts[name])}: {figure(value, found.facts[name].unit)}" for name, value in found.values.items()
    ]
    lines += [f"{name}: {value:.6g}" for name, value in more.items()]
    return "\n".join([*lines, *found.notes, f"protocol {found.description}"])


def _text(found: "Figures", weights: dict[str, float], agreements: list[Any]) -> str:
    from superres.bench.tables import figure, markdown

    parts = [f"protocol {found.protocol.describe(found.scale)}"]
    if found.pictures:
        facts = next(iter(found.pictures.values())).facts
        names = list(facts)
        more = list(_combined(found.means, weights))
        rows = [["picture", *(f"{n}, {facts[n].unit}" if facts[n].unit else n for n in names), *more]]
        everything = [(name, one.values) for name, one in found.pictures.items()]
        for name, values in [*everything, ("mean", found.means)]:
            figures = [figure(values[n], facts[n].unit) for n in names]
            rows.append([name, *figures, *(f"{value:.6g}" for value in _combined(values, weights).values())])
        parts.append(markdown(rows))
        parts.extend(_infinite(found))
        notes = [f"{name}: {note}" for name, one in found.pictures.items() for note in one.notes]
        parts.extend(["\n".join(notes)] if notes else [])
    parts.extend(_agreement_line(one) for one in agreements)
    return "\n\n".join(parts)


def _infinite(found: "Figures") -> list[str]:
    """Where the mean is infinite, why."""
    import math

    said: list[str] = []
    for name in found.means:
        values = [one.values[name] for one in found.pictures.values()]
        finite = [value for value in values if math.isfinite(value)]
        if len(finite) < len(values):
            rest = f"; the mean of the others is {sum(finite) / len(finite):.4f}" if finite else ""
            said.append(f"{name} is infinite for {len(values) - len(finite)} of {len(values)} pictures{rest}.")
    return said


def _csv(found: "Figures", weights: dict[str, float]) -> str:
    import csv
    import io

    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n")
    means = found.means
    more = list(_combined(means, weights)) if found.pictures else []
    write.writerow(["picture", *means, *more, "protocol"])
    for name, one in found.pictures.items():
        extra = _combined(one.values, weights).values()
        write.writerow([name, *map(repr, one.values.values()), *map(repr, extra), found.protocol.label(found.scale)])
    return out.getvalue()


def _with_more(found: "Figures", weights: dict[str, float], agreements: list[Any]) -> dict[str, Any]:
    from superres.bench.measuring import plain

    content = found.plain()
    if weights and found.pictures:
        content["mean"] |= {key: plain(value) for key, value in _combined(found.means, weights).items()}
        for name, one in found.pictures.items():
            content["pictures"][name] |= {key: plain(value) for key, value in _combined(one.values, weights).items()}
    if agreements:
        content["opinions"] = [one.__dict__ for one in agreements]
    return content


def _weights(words: tuple[str, ...]) -> dict[str, float]:
    weights: dict[str, float] = {}
    for word in words:
        name, equals, number = word.partition("=")
        try:
            weights[name] = float(number)
        except ValueError:
            equals = ""
        if not equals:
            raise BadRequest(f"--combine {word!r} is no weight; wanted a metric and a number, like ssim=2")
    return weights


def _combined(values: dict[str, float], weights: dict[str, float]) -> dict[str, float]:
    """The weighted sum under its formula, or nothing where no weights were stated."""
    if not weights:
        return {}
    from superres.bench.statistics import combined

    formula = " + ".join(f"{weight:g} {name}" for name, weight in weights.items())
    return {formula: combined(values, weights)}


def _opinions(found: "Figures", scores: dict[str, float]) -> list[Any]:
    from superres.bench.opinions import compare_with_opinions

    known = compare_with_opinions(found, scores)
    for names, what in ((known.without_score, "without an opinion"), (known.without_picture, "opinions of no picture")):
        if names:
            say(f"superres: {what}: {', '.join(names)}")
    return list(known.agreements)


def _agreement_line(one: Any) -> str:
    fit = "after a logistic fit" if one.fitted else "without a fit: it did not converge"
    return (
        f"{one.metric} against opinions on {one.pictures} pictures: SROCC {one.srocc:+.4f}, KROCC {one.krocc:+.4f}, "
        f"PLCC {one.plcc:+.4f} ({fit})"
    )
