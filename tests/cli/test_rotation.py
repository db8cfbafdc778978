from pathlib import Path

from planoai.rotation import rotate


def test_a_full_log_is_copied_aside_and_emptied_in_place(tmp_path: Path) -> None:
    path = tmp_path / "envoy.log"
    path.write_text("old\n" * 10)
    with path.open("a") as writer:
        rotate(tmp_path, max_bytes=10, kept=2)
        writer.write("new\n")

    assert path.read_text() == "new\n"
    assert (tmp_path / "envoy.log.1").read_text() == "old\n" * 10


def test_only_so_many_old_logs_are_kept(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / "access.log").write_text(f"{number}" * 20)
        rotate(tmp_path, max_bytes=10, kept=2)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["access.log", "access.log.1", "access.log.2"]
    assert (tmp_path / "access.log.1").read_text() == "3" * 20
    assert (tmp_path / "access.log.2").read_text() == "2" * 20


def test_small_logs_and_the_one_that_supervisord_rotates_itself_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "envoy.log").write_text("few")
    (tmp_path / "supervisord.log").write_text("many" * 100)

    rotate(tmp_path, max_bytes=10)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["envoy.log", "supervisord.log"]
