#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
A session with DuckDB over judged flows, without a copy in between: who went outside, by which
policy, and how much of the evidence there is for it.

    duckdb_session.py [FLOWS POLICIES SNAPSHOT INTENT]     (default: the bundled example)
"""
import sys
from pathlib import Path

import duckdb

import libflow

TRE = Path(__file__).resolve().parent.parent / "tre"

QUESTIONS = {
    "Results, by scope": """
        SELECT scope, result, count(*) AS flows
        FROM flows GROUP BY ALL ORDER BY flows DESC, scope, result""",
    "What went outside although the policies deny it": """
        SELECT source_namespace, source_pod, destination_ip, port, policy_name,
               count(*) AS flows, min(time) AS first, max(time) AS last
        FROM flows WHERE result = 'escaped' AND scope = 'egress' AND NOT reply
        GROUP BY ALL ORDER BY flows DESC, destination_ip""",
    "Rules of the findings": """
        SELECT rule, count(*) AS flows
        FROM (SELECT unnest(findings) AS rule FROM flows) GROUP BY rule ORDER BY rule""",
    "Flows a minute, by node": """
        SELECT time_bucket(INTERVAL 5 MINUTE, time::TIMESTAMP) AS minute, node, count(*) AS flows
        FROM flows GROUP BY ALL ORDER BY minute, node""",
}


def main():
    given = [Path(word) for word in sys.argv[1:]]
    inputs, policies, snapshot, intent = given or [
        TRE / "flows.jsonl.zst", TRE / "policies", TRE / "snapshot", TRE / "intent.yaml"]
    report = libflow.check(inputs, policies=policies, snapshot=snapshot, intent=intent)
    session = duckdb.connect()
    # the stream is read as it is asked for; a table of it can be asked again and again
    stream = report.flows().to_arrow()
    session.register("flows", stream)
    for title, question in QUESTIONS.items():
        print(f"{title}:")
        for row in session.sql(question).fetchall():
            print("   ", *row)
    print(report)


if __name__ == "__main__":
    main()
