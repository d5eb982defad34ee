#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# extras.sh BUILD: adds to BUILD/python what the optional tests are run against. Without PyPI they
# are skipped, and say so.
set -euo pipefail
build=$(realpath "$1")
cd "$(dirname "$0")/../.."

"$build/python/bin/python" -c "import pyarrow, pandas, polars, duckdb, nanoarrow, pyspark, chdb, nbclient, ipykernel, matplotlib, mypy" \
    2>/dev/null && exit 0
command -v java >/dev/null || examples/install-packages.sh default-jre-headless ||
    echo "Java could not be installed: tests with Spark are skipped"
timeout 900 "$build/python/bin/pip" install --quiet --disable-pip-version-check --retries 1 \
    pyarrow pandas polars duckdb nanoarrow pyspark chdb nbclient ipykernel matplotlib mypy ||
    echo "the optional Python packages could not be installed: tests against them are skipped"
