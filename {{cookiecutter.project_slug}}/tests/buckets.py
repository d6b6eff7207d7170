"""An S3-compatible server, and a bucket for the files of the tests' tenants."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from apps.isolation.integrations.files import ALL_TENANTS

BUCKET = "product-media"
SERVER = """
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
input()
"""


@pytest.fixture
def bucket_service(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[str]]:
    """Start an S3-compatible server, which ends when its input is closed."""
    program = [sys.executable, "-c", SERVER]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=quiet, text=True
    ) as process:
        assert process.stdout
        address = f"http://127.0.0.1:{int(process.stdout.readline())}"
        variables = {
            "AWS_ENDPOINT_URL_S3": address,
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "of-this-test-only",
            "AWS_SECRET_ACCESS_KEY": "of-this-test-only",
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield process
        process.kill()


@pytest.fixture
def bucket(bucket_service: subprocess.Popen[str], settings: Any) -> Any:
    """Store files in a bucket, as with MEDIA_BUCKET."""
    made = boto3.resource("s3").Bucket(BUCKET)
    made.create(CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    backend = "apps.isolation.integrations.buckets.BucketStorage"
    own = {"BACKEND": backend, "OPTIONS": {"bucket_name": BUCKET}}
    settings.STORAGES = {**settings.STORAGES, ALL_TENANTS: own}
    return made


def keys_in(bucket: Any) -> set[str]:
    """Return the keys of all files in a bucket."""
    return {each.key for each in bucket.objects.all()}
