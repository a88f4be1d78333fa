"""Storage of files behind one Protocol: a folder of ours, or an S3-compatible server."""

from gateways.objects.disk_objects import DiskObjects
from gateways.objects.object_storage import (
    ObjectStorage,
    ObjectStorageUnavailable,
    TransferAddress,
)
from gateways.objects.s3_objects import S3Objects, S3Settings

__all__ = [
    "DiskObjects",
    "ObjectStorage",
    "ObjectStorageUnavailable",
    "S3Objects",
    "S3Settings",
    "TransferAddress",
]
