"""The replay page: what it plays is what the file holds, and it moves."""

import base64
import os
import re
import shutil

import numpy as np
import pytest

from homeostat.errors import RecordError
from homeostat.workloads.evolution import scores
from homeostat.workloads.evolution.archive import Archive
from homeostat.workloads.evolution.chance import HELD_OUT, key_of
from homeostat.workloads.evolution.diversity import cells_of
from homeostat.workloads.evolution.lab import Lab, evaluate_labs
from homeostat.workloads.evolution.replay_page import film_data, find_replays, write_page
from homeostat.workloads.evolution.replays import replay_config, replay_study
from homeostat.workloads.evolution.simulate import evaluate
from homeostat.workloads.evolution.space import SPACE
from homeostat.workloads.evolution.winners import save_winners

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    config = SPACE.resolve({"neural_mode": "neat", "population_size": 100, "held_out_layouts": 4})
    results = tmp_path_factory.mktemp("results")
    return replay_config(config, "small", generations=3, results=results)


def test_positions_in_the_page_are_those_in_the_file(folder):
    film = film_data(folder)
    with np.load(folder / "replay.npz") as arrays:
        nodes, pellets = arrays["nodes"], arrays["pellet"]
    for i, (told, creature) in enumerate(zip(film["films"], film["creatures"], strict=True)):
        size = len(creature["nodes"])
        sent = np.frombuffer(base64.b64decode(told["nodes"]), "<i2").reshape(-1, size, 3) / 1000
        assert np.abs(sent - nodes[i][:, :size]).max() <= 0.0006
        goal = np.frombuffer(base64.b64decode(told["pellet"]), "<i2").reshape(-1, 3) / 1000
        assert np.abs(goal - pellets[i]).max() <= 0.0006


def test_replays_are_found_by_name(folder):
    assert find_replays(folder.parent) == {folder.name: folder}


def kept_trial(study, number, seed):
    lab = Lab(SPACE.resolve({"population_size": 100, "held_out_layouts": 2}), seed)
    archive = Archive(lab)
    evaluate_labs([lab])
    archive.add(lab)
    artifacts = study / f"trial_{number:04d}" / f"seed_{seed}" / "artifacts"
    artifacts.mkdir(parents=True)
    save_winners(lab, archive.elites, artifacts)
    return lab, archive.elites, artifacts


def test_a_trial_that_kept_its_creatures_is_played_without_being_filmed_first(tmp_path):
    lab, elites, artifacts = kept_trial(tmp_path / "studies" / "exp", 7, 5)
    found = find_replays(tmp_path)
    assert list(found) == ["studies/exp/trial_0007"]
    creatures = film_data(found["studies/exp/trial_0007"])["creatures"]
    assert [c["fitness"] for c in creatures[:10]] == pytest.approx(lab.last.fitness[lab.top(10)])
    assert [c["cell"] for c in creatures if "cell" in c] == elites.cells.tolist()
    assert [path.name for path in artifacts.iterdir()] == ["winners.npz"]


def test_the_archive_of_a_study_has_the_best_of_each_cell_on_held_out_layouts(tmp_path):
    study = tmp_path / "studies" / "exp"
    kept = {number: kept_trial(study, number, number) for number in (0, 3, 4, 5)}
    replay_study(study, SPACE)
    creatures = film_data(find_replays(tmp_path)["study exp"])["creatures"]
    best = {}
    for number, (lab, elites, _) in kept.items():
        again = lab.of(lab.config, number, elites.population, 0)
        keys = np.full(len(elites.cells), key_of(HELD_OUT, 0), np.uint64)
        judged = again.judge(evaluate(again.creatures(), keys, 2, lab.world))
        in_order = judged.scores[:, scores.REASON] == 0
        for contact, speed, fitness, fine in zip(
            *cells_of(judged.scores, 40.0), judged.fitness.tolist(), in_order, strict=True
        ):
            if fine and fitness > best.get((contact, speed), (-1.0, 0))[0]:
                best[contact, speed] = fitness, number
    told = {tuple(c["cell"]): (c["fitness"], int(c["name"].split()[-1])) for c in creatures}
    assert told == best
    assert len({number for _, number in best.values()}) > 1
    assert creatures[0]["fitness"] == max(fitness for fitness, _ in best.values())


def test_a_folder_without_a_replay_is_told_what_to_type(tmp_path):
    with pytest.raises(RecordError, match="no replay"):
        film_data(tmp_path)


def test_the_page_stands_alone(folder):
    text = write_page(folder).read_text()
    assert "import " not in text.partition('<script type="module">')[2].partition("play(")[0]
    style = text.partition("<style>")[2].partition("</style>")[0]
    used = set(re.findall(r"var\((--\w+)\)", style))
    assert used <= set(re.findall(r"(--\w+):", style))  # every colour that is named is there
    assert "src=" not in text and "http://" not in text and "https://" not in text


@pytest.mark.skipif(CHROMIUM is None and os.environ.get("CI") != "true", reason="no Chromium")
def test_it_moves_stops_and_turns(folder):
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        wrong = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        page.goto(write_page(folder).resolve().as_uri())
        stage = page.locator("canvas.stage")
        first = stage.screenshot()
        frame = int(page.get_attribute("#main", "data-frame"))
        page.wait_for_function(
            f"Number(document.getElementById('main').dataset.frame) > {frame + 5}"
        )
        assert stage.screenshot() != first

        page.click("button:has-text('Pause')")
        page.wait_for_timeout(300)  # the frame that was being drawn
        still = stage.screenshot()
        page.wait_for_timeout(200)
        assert stage.screenshot() == still

        box = stage.bounding_box()
        page.mouse.move(box["x"] + 200, box["y"] + 100)
        page.mouse.down()
        page.mouse.move(box["x"] + 320, box["y"] + 140)
        page.mouse.up()
        assert stage.screenshot() != still

        page.evaluate(
            "() => { const s = document.querySelector('.scrub'); s.value = 30;"
            " s.dispatchEvent(new Event('input')); }"
        )
        assert page.get_attribute("#main", "data-frame") == "30"
        page.select_option("select[multiple]", ["0", "3"])
        assert stage.count() == 2

        elite = page.locator(".elites button").last
        elite.click()
        assert stage.count() == 1
        assert f"creature {stage.get_attribute('aria-label').split()[1]}," in elite.get_attribute(
            "title"
        )
        page.locator(".elites button").first.click(modifiers=["Shift"])
        assert stage.count() == 2
        browser.close()
        assert wrong == []
