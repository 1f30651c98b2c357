"""All checks of the extension, one line each."""

from extension import file_checks, index_checks, load_checks
from extension.tree import Tree

CHECKS = {**index_checks.CHECKS, **file_checks.CHECKS, **load_checks.CHECKS}


def problems(root, titles=tuple(CHECKS)):
    """{check: its problems} of a checkout; a check that cannot be made is a problem too.

    :param titles: the checks to make
    """
    tree, found = Tree(root), {}
    for title in titles:
        try:
            found[title] = CHECKS[title](tree)
        except (OSError, SyntaxError) as error:
            found[title] = [f"{error.filename}: {error}" if error.filename else str(error)]
    return found


def report(root, out=print):
    """Prints one line a check, and what is to be looked at by hand.

    :return: exit code: 0 where all is well, else 1
    """
    found = problems(root)
    for title, texts in found.items():
        out(f"{'FAIL' if texts else 'ok':<6}{title}" + (": " + "; ".join(texts) if texts else ""))
    for text in index_checks.notes(Tree(root)):
        out(f"note  {text}")
    failed = sum(bool(texts) for texts in found.values())
    out(f"{failed} of {len(found)} checks failed" if failed else f"all {len(found)} checks passed")
    return int(bool(failed))
