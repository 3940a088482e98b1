# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""The picture of adaptivebench: threads, queue and processors over time.

A column for each load, a line for each system, as SVG and as PNG, drawn by
gnuplot or matplotlib, whichever is installed.
"""

import importlib.util
import os
import shutil
import subprocess
import tempfile

from adaptiveloads import Sample

# What was noted of each load and system.
Noted = dict[str, dict[str, list[Sample]]]

PANELS = {
    "threads": "threads",
    "queue": "tasks queued",
    "cpu": "CPU of the machine, %",
}
COLOURS = ("#0072b2", "#009e73", "#d55e00", "#999999")
INCHES = (5, 3)  # of one panel
DOTS = 100  # an inch


def can_draw() -> bool:
    return (
        shutil.which("gnuplot") is not None
        or importlib.util.find_spec("matplotlib") is not None
    )


def draw(prefix: str, noted: Noted) -> None:
    """Write PREFIX.svg and PREFIX.png."""
    if shutil.which("gnuplot") is not None:
        with tempfile.TemporaryDirectory() as folder:
            gnuplot(prefix, noted, folder)
    else:
        matplotlib(prefix, noted)


def steps(samples: list[Sample], name: str) -> list[tuple[float, float]]:
    """Return when something was what, where that changes."""
    points = [(sample.time, getattr(sample, name)) for sample in samples]
    kept = [
        point
        for last, point, following in zip(points, points[1:], points[2:])
        if not last[1] == point[1] == following[1]
    ]
    return [*points[:1], *kept, *points[-1:]]


def gnuplot(prefix: str, noted: Noted, folder: str) -> None:
    width, height = len(noted) * INCHES[0], len(PANELS) * INCHES[1]
    for load, systems in noted.items():
        for system, samples in systems.items():
            for name in PANELS:
                path = os.path.join(folder, f"{load}-{system}-{name}")
                with open(path, "w") as file:
                    for time, value in steps(samples, name):
                        print(time, value, file=file)
    commands = ["set style data steps", "set grid", "set key above"]
    for terminal, suffix in (("svg", "svg"), ("png", "png")):
        size = f"{width * DOTS},{height * DOTS}"
        commands += [
            f"set terminal {terminal} size {size}",
            f"set output '{prefix}.{suffix}'",
            f"set multiplot layout {len(PANELS)},{len(noted)}",
        ]
        for name, panel in PANELS.items():
            for load, systems in noted.items():
                commands += [f"set title '{load}'", f"set ylabel '{panel}'"]
                commands.append("set yrange [0:*]; set xlabel 'seconds'")
                lines = (
                    f"'{folder}/{load}-{system}-{name}' title '{system}'"
                    f" linewidth 2 linecolor rgb '{colour}'"
                    for system, colour in zip(systems, COLOURS)
                )
                commands.append("plot " + ", ".join(lines))
        commands += ["unset multiplot", "unset output"]
    subprocess.run(
        ["gnuplot"], input="\n".join(commands) + "\n", text=True, check=True
    )


def matplotlib(prefix: str, noted: Noted) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    size = len(noted) * INCHES[0], len(PANELS) * INCHES[1]
    figure, axes = pyplot.subplots(
        len(PANELS), len(noted), figsize=size, squeeze=False
    )
    for row, (name, panel) in zip(axes, PANELS.items()):
        for axis, (load, systems) in zip(row, noted.items()):
            for (system, samples), colour in zip(systems.items(), COLOURS):
                axis.step(
                    *zip(*steps(samples, name)),
                    where="post",
                    color=colour,
                    label=system,
                )
            axis.set(title=load, xlabel="seconds", ylabel=panel)
            axis.set_ylim(bottom=0)
            axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1.1), ncols=4)
    figure.tight_layout()
    for suffix in ("svg", "png"):
        figure.savefig(f"{prefix}.{suffix}", dpi=DOTS)
