"""Execute notebooks: `python notebooks/execute.py [--write] [NAME.ipynb ...]`, all of them by default.

An error in a cell is an error here, and so is more than a minute for a notebook. With ``--write`` the outputs replace
the old ones, without what changes from run to run, and with figures reduced to 128 colours, a third of the size. Needs
the extra `notebooks`.
"""

import argparse
import base64
import io
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from PIL import Image

FOLDER = Path(__file__).parent
SECONDS = 60  # a notebook
COLOURS = 128


def main() -> None:
    """Execute what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebooks", nargs="*", type=Path, default=sorted(FOLDER.glob("*.ipynb")))
    parser.add_argument("--write", action="store_true", help="keep the outputs")
    args = parser.parse_args()
    for path in args.notebooks:
        notebook = nbformat.read(path, as_version=4)
        start = time.perf_counter()
        # Relative links and the package are found from the notebooks' folder, wherever this is called.
        client = NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": str(FOLDER)}})
        client.execute()
        seconds = time.perf_counter() - start
        print(f"{path.name}: {seconds:.1f} s", flush=True)
        if seconds > SECONDS:
            raise SystemExit(f"{path.name} took more than {SECONDS} s")
        if args.write:
            strip(notebook)
            nbformat.validate(notebook)
            path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")


def strip(notebook: Any) -> None:
    """Remove what changes from run to run, and make the outputs small."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"},
    }
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs = joined(cell.outputs)
            for output in cell.outputs:
                if "metadata" in output:
                    output.metadata = {}
                if "image/png" in output.get("data", {}):
                    output.data.pop("text/plain", None)  # says only that it is a figure
                    output.data["image/png"] = reduced(output.data["image/png"])


def joined(outputs: list[Any]) -> list[Any]:
    """Join what was printed in pieces, as it happened to arrive."""
    result: list[Any] = []
    for output in outputs:
        previous = result[-1] if result else {}
        if output.output_type == "stream" and previous.get("name") == output.name:
            previous.text += output.text
        else:
            result.append(output)
    return result


def reduced(png: str) -> str:
    """Return a picture, in base64, with fewer colours."""
    image, buffer = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB"), io.BytesIO()
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(buffer, "png", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode() + "\n"


if __name__ == "__main__":
    main()
