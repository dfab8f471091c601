"""What scripts/bench computes, draws and writes by itself."""

import importlib.machinery
import importlib.util
import itertools
import subprocess
import sys
import types
import xml.etree.ElementTree

import numpy
import pytest

from resp import Error
from servers import ROOT

sys.path.insert(0, str(ROOT / "scripts"))

from benchmarks import data, plot, report, sweep_aggregates, sweep_data, sweep_queries, sweep_report, sweep_state  # noqa: E402
from benchmarks.pace import Budget  # noqa: E402
from benchmarks.sides import comparison, in_turns, share_found  # noqa: E402


@pytest.fixture(scope="module")
def bench():
    loader = importlib.machinery.SourceFileLoader("bench", str(ROOT / "scripts" / "bench"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench", loader))
    loader.exec_module(module)
    return module


SWEEP = [(0.80, 1000.0), (0.90, 800.0), (1.0, 200.0)]


@pytest.mark.parametrize(
    "target, rate",
    [(0.80, 1000), (0.85, 900), (0.90, 800), (0.95, 500), (1.0, 200), (0.5, 1000)],
)
def test_the_rate_at_a_recall_lies_between_two_points(target, rate):
    assert report.rate_at(target, SWEEP) == pytest.approx(rate)


@pytest.mark.parametrize("points", [[], [(0.8, 10.0)], [(0.8, 10.0), (0.9, 5.0)], [(0.9, 5.0), (0.9, 4.0)]])
def test_a_recall_that_is_never_reached_has_no_rate(points):
    assert report.rate_at(0.95, points) is None


@pytest.mark.parametrize(
    "value, words",
    [(123456.7, "123,457"), (100, "100"), (99.44, "99.4"), (0.04321, "0.0432"), (0, "0"), (None, "–"), ("n/a", "n/a")],
)
def test_numbers_have_the_digits_that_mean_something(value, words):
    assert report.number(value) == words


def test_a_block_of_the_page_is_replaced_and_nothing_else():
    text = "# a\n<!-- bench x -->\nold\n\nlines\n<!-- /bench x -->\nb\n<!-- bench y -->\n<!-- /bench y -->\n"
    once = report.put_block(text, "x", "new \\1\n")
    assert once == "# a\n<!-- bench x -->\nnew \\1\n<!-- /bench x -->\nb\n<!-- bench y -->\n<!-- /bench y -->\n"
    assert report.put_block(once, "x", "new \\1") == once
    assert "<!-- bench y -->\nt\n<!-- /bench y -->" in report.put_block(once, "y", "t")
    with pytest.raises(ValueError, match="bench z"):
        report.put_block(text, "z", "t")


def test_the_page_has_a_place_for_each_part(bench):
    text = (ROOT / "docs" / "performance.md").read_text()
    for name in bench.NAMES:
        report.put_block(text, name, "t")
    assert set(bench.WEIGHTS) == set(bench.NAMES)


def test_the_command_shown_has_no_paths(bench, tmp_path):
    _, options = bench.parse(["vset", "--data", f"{tmp_path}", "--data", "glove", "--docs", "--only", "vadd,vsim"])
    assert options.command == f"scripts/bench vset --data {tmp_path.name} --data glove --only vadd,vsim"
    assert (options.parts, options.only, options.data) == (["vset"], ["vadd", "vsim"], [f"{tmp_path}", "glove"])
    assert bench.parse([])[1].parts == list(bench.NAMES)


class Clock:
    """Seconds that pass when the test says so."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize("seconds, lengths, done", [(100, [10] * 9, 5), (5, [10], 1), (100, [10, 60, 1], 2), (35, [10] * 9, 3)])
def test_rounds_end_with_the_time_but_there_is_one(seconds, lengths, done):
    clock = Clock()
    budget = Budget(seconds, clock)
    count = 0
    for number in budget.rounds(5):
        assert number == count
        clock.now += lengths[number]
        count += 1
    assert count == done


def test_who_ends_early_leaves_time_to_the_others():
    clock = Clock()
    whole = Budget(90, clock)
    assert whole.share(1, 2).left() == pytest.approx(30)
    clock.now = 10
    assert whole.share(1, 1).left() == pytest.approx(40)
    assert list(Budget().share(1, 3).rounds(3)) == [0, 1, 2]


def test_sides_take_turns_in_going_first():
    assert list(in_turns(["a", "b"], range(3))) == ["a", "b", "b", "a", "a", "b"]


def test_recall_counts_names_found():
    assert share_found(["a b", "x"], [{"a", "c"}, {"x", "y"}]) == 0.5
    assert share_found([], []) == 0


class Measured:
    """A side with medians given."""

    def __init__(self, label, results):
        self.label, self.results = label, results

    def median(self, name):
        return self.results[name]


def test_ratios_are_above_one_where_we_are_ahead():
    ours = Measured("us", {"VADD per second": 200, "SAVE, seconds": 2, "recall@10 at EF 100": 0.9, "only ours, µs": 5})
    peer = Measured("them", {"VADD per second": 100, "SAVE, seconds": 1, "recall@10 at EF 100": 0.9})
    assert comparison(ours, peer).splitlines()[2:] == [
        "| VADD per second | 200 | 100 | 2.00 |",
        "| SAVE, seconds | 2 | 1 | 0.50 |",
        "| recall@10 at EF 100 | 0.9 | 0.9 | 1.00 |",
        "| only ours, µs | 5 | – | |",
    ]


def test_the_plot_is_well_formed_and_shows_every_point_in_its_place():
    curves = [plot.Curve("a <b> & c", [(0.8, 5000), (0.9, 3000), (0.99, 700)]), plot.Curve("d", [(0.85, 900), (1.0, 120)], 1, True)]
    text = plot.svg([("one", curves), ("two", curves[:1])], "made & up")
    root = xml.etree.ElementTree.fromstring(text)
    width, height = (float(root.attrib[name]) for name in ("width", "height"))
    circles = root.findall(".//{*}circle")
    assert len(circles) == 8
    assert all(0 <= float(one.attrib["cx"]) <= plot.WIDTH <= width and 0 <= float(one.attrib["cy"]) <= height for one in circles)
    assert "a <b> & c" in [one.text for one in root.findall(".//{*}text")]
    # more recall lies to the right, a higher rate above
    first, last = circles[0].attrib, circles[2].attrib
    assert float(first["cx"]) < float(last["cx"]) and float(first["cy"]) < float(last["cy"])


@pytest.mark.parametrize("rates, ends", [([120, 4800], (100, 5000)), ([1000], (1000, 10_000)), ([], (1, 10)), ([50, 51], (50, 100))])
def test_axes_end_at_round_numbers(rates, ends):
    assert plot.decades(rates) == ends


@pytest.mark.parametrize(
    "recalls, ends", [([0.85, 0.97], (0.8, 0.98)), ([0.5, 1.0], (0.8, 0.999)), ([0.92, 0.93], (0.9, 0.95)), ([], (0.9, 0.99))]
)
def test_the_axis_of_recall_ends_at_marks(recalls, ends):
    assert plot.ends(recalls) == ends


def test_files_are_read_by_their_names(tmp_path):
    rows = numpy.random.default_rng(1).normal(size=(50, 8))
    rows.astype("<f4").tofile(tmp_path / "words8.f32")
    read = data.read(tmp_path, 30, 10)
    assert (read.rows.shape, read.queries.shape, str(read)) == ((30, 8), (10, 8), "30 × 8 (words8.f32)")
    assert numpy.allclose(numpy.linalg.norm(read.rows, axis=1), 1)
    rows[:3].astype("<f4").tofile(tmp_path / "words8.queries.f32")
    read = data.read(tmp_path / "words8.f32", None, 10)
    assert (len(read.rows), len(read.queries)) == (50, 3)
    with pytest.raises(SystemExit):
        data.read(tmp_path / "words8.txt", 1, 1)


def test_nearest_is_exact_with_and_without_a_filter():
    random = numpy.random.default_rng(2)
    made = data.Data("", random.normal(size=(300, 6)), random.normal(size=(150, 6)))
    order = numpy.argsort(-(made.queries @ made.rows.T), axis=1)
    assert (made.nearest(10) == order[:, :10]).all()
    allowed = made.ranks() < 7
    wanted = [list(itertools.islice((row for row in rows if allowed[row]), 10)) for rows in order]
    assert made.nearest(10, allowed).tolist() == wanted


def row(name, ratio, processor):
    return {"name": name, "ratio": ratio, "processor": processor, "rates": [ratio, 1], "times": [1, processor], "answers": ""}


ROWS = [row("a", 2.0, 0.5), row("b", 0.25, None), row("c", 4.0, 3.0), row("d", None, None)]


def test_the_sweep_counts_and_lists_the_worst_first():
    assert sweep_report.summary(ROWS).splitlines() == [
        "* cases: 3 by rate, 2 by processor time",
        "* behind: 1 by rate, 1 by processor time",
        "* 3 times ahead: 1 by rate, 1 by processor time",
    ]
    lines = sweep_report.listing(ROWS, {"c": {"ratio": 1.5, "processor": None}}).splitlines()[2:]
    assert [line.split(" | ")[0].strip("| ") for line in lines] == ["b", "a", "c", "d"]
    assert lines[2].split(" | ")[-3:-1] == ["1.50", "–"]


@pytest.mark.parametrize(
    "command, mine, other, words",
    [
        ("FT.SEARCH", [2, b"a", b"b"], [2, b"b", b"a"], "as many hits"),
        ("FT.SEARCH", [2, b"a"], [3, b"a"], "hits 2 / 3"),
        ("FT.AGGREGATE", [1, [b"n", b"1"], [b"n", b"2"]], [2, [b"n", b"2.0"], [b"n", b"1"]], "equal in another order"),
        ("FT.AGGREGATE", [1, [b"n", b"1"]], [1, [b"n", b"2"]], "rows 2 / 2, others"),
        ("JSON.GET", b"1", b"1", "equal"),
        ("JSON.GET", b"1", b"2", "others"),
        ("JSON.GET", Error("ERR x"), Error("ERR x"), "the same error"),
    ],
)
def test_the_sweep_says_how_far_answers_agree(command, mine, other, words):
    assert sweep_report.agreement([[command]], [mine], [other]) == words


def test_the_sweep_measures_the_same_documents_whatever_their_number():
    few, more = sweep_data.Documents(50), sweep_data.Documents(100)
    assert list(few.hashes()) == list(more.hashes(0, 50))
    names = [name for name, _ in (*sweep_queries.cases(few), *sweep_aggregates.aggregates(few), *sweep_aggregates.small(few))]
    assert len(names) == len(set(names)) and not [name for name in names if "," in name]


def test_the_processor_time_of_another_process_is_that_of_all_its_threads():
    with subprocess.Popen(
        [sys.executable, "-c", "input(); sum(range(3_000_000)); print(flush=True); input()"], stdin=-1, stdout=-1
    ) as child:
        server = types.SimpleNamespace(process=child)
        before = sweep_state.processor(server)
        child.stdin.write(b"\n")
        child.stdin.flush()
        child.stdout.readline()
        assert sweep_state.processor(server) > before
        child.communicate(b"\n")
