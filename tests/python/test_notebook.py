# SPDX-License-Identifier: Apache-2.0
"""The notebook of the examples, run from its first cell to its last."""
import os
import sys

import here
from here import EXAMPLE, ROOT, need
from tap import contains, equal, run

NOTEBOOK = os.path.join(ROOT, "examples", "notebook", "incident.ipynb")


def the_incident_is_found_and_settled(_):
    nbformat, nbclient, _, _, _, _ = need("nbformat", "nbclient", "ipykernel", "matplotlib", "pandas", "pyarrow")
    os.environ["LIBFLOW_TRE"] = EXAMPLE
    notebook = nbformat.read(NOTEBOOK, 4)
    equal([cell.outputs for cell in notebook.cells if cell.cell_type == "code"],
          [[]] * sum(cell.cell_type == "code" for cell in notebook.cells))
    where = {"metadata": {"path": os.path.dirname(NOTEBOOK)}}
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources=where).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    text = "".join(output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in outputs)
    equal(len(pictures), 2)
    contains(text, "FC203 project-asthma/notebook -> 203.0.113.50")
    contains(text, "left: 6 of 8 findings of high severity")
    contains(text, "second-licence-server")


if __name__ == "__main__":
    assert here.FLOWS
    run(sys.modules[__name__])
