"""What `load --with-schema` is put through into either kind of destination: tests for a file that has the
fixtures `site` (whole.Site) and `rng`. A class of that file inherits them.
"""

import collections
import signal

import pytest

from . import faults, whole
from .faults import rounds
from .whole import Round


class Disturbed:
    """In each of its three parts: before the rows, the rows, after them."""

    @pytest.fixture(scope="class")
    def places(self):
        """How many kills fell into which part."""
        counts = collections.Counter()
        yield counts
        print(f"\nkills by part: {dict(counts)}")

    @pytest.mark.parametrize("number", rounds(5, 50))
    def test_loader_is_killed(self, site, rng, places, number):
        with Round(site, rng) as this:
            # Every third round kills the resumed runs as well.
            for _ in range(4 if number % 3 == 2 else 1):
                place, result = this.disturb(this.start())
                assert result.status in (-signal.SIGKILL, 0), result
                places[place] += 1
            this.finish()
            this.assert_as_undisturbed()

    @pytest.mark.parametrize("number", rounds(1, 15))
    def test_killed_while_its_session_works_on(self, site, rng, number):
        """The server ends the step whose loader is gone; the next run waits for it, and does it no second time."""
        with Round(site, rng) as this:
            load = this.start()
            with this.held_index(load):
                load.kill()
                assert this.place()[0] == "after"
                this.draw("ws.ticket")
                load = this.start()
                faults.wait_until(lambda: this.waiting() > 1 or not load.running(), "the next run to wait")
            this.finish(load, runs_max=1)
            this.assert_as_undisturbed()

    @pytest.mark.parametrize("number", rounds(1, 20))
    def test_loader_is_asked_to_stop(self, site, rng, number):
        """SIGTERM: status 5, and a hint that the same command goes on."""
        with Round(site, rng) as this:
            for kind in ("before", "chunks", "after"):
                _, result = this.disturb(this.start(), signal.SIGTERM, kind)
                assert result.status in (0, 5), result
                assert result.status == 0 or "same command" in result.text, result
            this.finish()
            this.assert_as_undisturbed()

    @pytest.mark.parametrize("number", rounds(1, 15))
    def test_destination_crashes(self, site, rng, number):
        """The steps that were committed last are lost; a run that goes on, or the next one, makes them anew."""
        with Round(site, rng) as this:
            load = this.start()
            for kind in ("before", "after"):
                this.wait_for_moment(load, kind)
                this.crash()
            this.finish(load)
            this.assert_as_undisturbed()

    @pytest.mark.parametrize("number", rounds(1, 15))
    def test_two_at_once(self, site, rng, number):
        """Neither may spoil the other's work; one may be refused. The second may come at any moment."""
        with Round(site, rng) as this:
            first = this.start()
            if number % 2:
                this.wait_for_moment(first)
            second = this.start()
            results = [run.wait(whole.PATIENCE) for run in (first, second)]
            print([(r.status, r.err[-300:]) for r in results])
            assert any(r.status == 0 for r in results), results
            this.finish()
            this.assert_as_undisturbed()

    @pytest.mark.parametrize("number", rounds(1, 15))
    def test_restart_after_a_kill(self, site, rng, number):
        """--restart when triggers, foreign keys and views are there already, or a session still makes them."""
        with Round(site, rng) as this:
            this.disturb(this.start(), kind="after")
            this.finish(this.start("--restart", "--mode", "truncate"), restarted=True)
            this.assert_as_undisturbed()
