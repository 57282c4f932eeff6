"""What the daemon takes for a readable state: what its pipeline can take up, and nothing else."""

import dataclasses
from pathlib import Path

from commands._keeping import open_state
from config.loading import load
from retabli.model.states import State
from retabli.pipeline.remembering import Clocks, dump_standing
from retabli.restoration import begin
from retabli.store import Store
from tests.entrance import HOME
from tests.store.copied import copied
from tests.store.making import commit, sql


async def test_a_standing_of_a_state_that_there_is_not_is_damage_and_the_copy_takes_its_place(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    configuration = dataclasses.replace(load(HOME / "config" / "minimal.yaml"), state=state)
    store = open_state(configuration)
    await commit(store, standings={"port": dump_standing(begin("open", 1.0), Clocks(0.0, 1.0))})
    await store.close()
    copied(state)
    whole = open_state(configuration)
    assert whole.load().restored is None
    await whole.close()
    sql(state, """UPDATE standings SET standing = replace(standing, '"down"', '"dowm"')""")
    again = open_state(configuration)
    assert "'dowm' is not a valid State" in str(again.load().restored)
    assert again.load().standings["port"]["state"] == State.DOWN
    await again.close()
    await Store.open(state).close()
