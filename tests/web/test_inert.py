"""What comes from elsewhere stays where it is put."""

from retabli.web.inert import inert


def test_words_that_are_read_leftwards_end_with_a_mark_and_others_do_not() -> None:
    assert inert("שלום") == "שלום\u200e"
    assert inert("שלום עולם : 42 abc") == "שלום עולם\u200e : 42 abc"
    assert inert("\u0645\u0633\u062a\u0634\u0641\u0649") == "\u0645\u0633\u062a\u0634\u0641\u0649\u200e"
    assert inert("Hôpital d'été : 42") == "Hôpital d'été : 42"


def test_marks_of_others_are_taken_away() -> None:
    assert inert("a\u202eb\u2066c\u200ed\u0085e\u00a0f") == "a b c d e\u00a0f"
