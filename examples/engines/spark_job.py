#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
A check spread over the executors of Apache Spark. Every executor needs the package and sees the
archives under the same path; the report is that of one run of flowcheck over all of them.

    spark-submit spark_job.py --policies DIR [--snapshot DIR] [--intent FILE] [--partitions N]
                 --report REPORT.json ARCHIVE...
"""
import argparse
import sys

from pyspark.sql import SparkSession

import libflow.spark


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--policies", action="append", default=[])
    parser.add_argument("--snapshot", action="append", default=[])
    parser.add_argument("--intent")
    parser.add_argument("--partitions", type=int)
    parser.add_argument("--report", required=True)
    parser.add_argument("archive", nargs="+")
    asked = parser.parse_args()

    spark = SparkSession.builder.appName("libflow").getOrCreate()
    try:
        report = libflow.spark.check(spark, asked.archive, policies=asked.policies, snapshot=asked.snapshot,
                                     intent=asked.intent, partitions=asked.partitions)
    finally:
        spark.stop()
    with open(asked.report, "wb") as file:
        file.write(report.to_json())
    print(report)
    return report.exit_code()


if __name__ == "__main__":
    sys.exit(main())
