"""Every section and setting: its type, its limits, its default, and how a message describes it.

This is the one place to add a setting. The `description` of a `Meta` completes the sentence
"expected ..." of an error, and its first example shows how the setting is written in the file.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

_AccountId = Annotated[
    str,
    Meta(
        pattern=r"\A[0-9]{12}\Z",
        description="the 12 digits of an account id, in quotes",
        examples=["123456789012"],
    ),
]
_Region = Annotated[
    str, Meta(pattern=r"\A[a-z0-9-]+\Z", description="an AWS region", examples=["us-west-2"])
]
_RoleName = Annotated[
    str, Meta(min_length=1, description="the name of a role", examples=["pywren_exec_role"])
]
_FunctionName = Annotated[
    str,
    Meta(
        pattern=r"\A[A-Za-z0-9_-]{1,64}\Z",
        description="a function name of at most 64 letters, digits, - and _",
        examples=["pywren1"],
    ),
]
# The lookahead refuses what the original's template file held in this place.
_Bucket = Annotated[
    str,
    Meta(
        pattern=r"\A(?!BUCKET_NAME\Z)[A-Za-z0-9._-]{3,255}\Z",
        description="the name of your own bucket, without s3:// and slashes",
        examples=["my-bucket"],
    ),
]
_Key = Annotated[str, Meta(min_length=1, description="a key in a bucket", examples=["a/b.tar.gz"])]
_Prefix = Annotated[
    str, Meta(min_length=1, description="a prefix for keys", examples=["pywren.jobs"])
]
_Url = Annotated[
    str,
    Meta(
        pattern=r"\A[a-z][a-z0-9+.-]*://",
        description="the URL of a store (s3://bucket/prefix, file:///directory or memory://)",
        examples=["s3://my-bucket/pywren.jobs"],
    ),
]
_Name = Annotated[str, Meta(min_length=1, description="a name", examples=["pywren-1"])]
_InstanceType = Annotated[
    str,
    Meta(
        pattern=r"\A[a-z0-9-]+\.[a-z0-9-]+\Z",
        description="an EC2 instance type",
        examples=["m4.4xlarge"],
    ),
]
_ItemLimit = Annotated[int, Meta(gt=0, description="an integer above 0", examples=[10000])]
_Seconds = Annotated[int, Meta(ge=0, description="whole seconds, 0 or more", examples=[60])]
_Memory = Annotated[
    int, Meta(ge=128, le=10240, description="an integer of MB, 128 to 10240", examples=[1536])
]
_Timeout = Annotated[int, Meta(ge=1, le=900, description="whole seconds, 1 to 900", examples=[300])]
_Copies = Annotated[int, Meta(ge=1, description="an integer above 0", examples=[10])]
_EphemeralStorage = Annotated[
    int, Meta(ge=512, le=10240, description="an integer of MB, 512 to 10240", examples=[2048])
]
_Architecture = Annotated[
    Literal["x86_64", "arm64"], Meta(description='"x86_64" or "arm64"', examples=["arm64"])
]
_Visibility = Annotated[
    int, Meta(ge=0, le=43200, description="whole seconds, 0 to 43200", examples=[30])
]


class AccountSettings(Struct, frozen=True):
    """The AWS account; credentials are never here, they come from boto3's own chain.

    Attributes:
        aws_account_id: the account's 12 digits; absent, whichever the credentials belong to.
        aws_region: the region; absent, the one that boto3 finds.
        aws_lambda_role: name of the role that functions run as.
    """

    aws_account_id: _AccountId | None = None
    aws_region: _Region | None = None
    aws_lambda_role: _RoleName = "pywren_exec_role"


class LambdaSettings(Struct, frozen=True):
    """The Lambda function that calls run on.

    Attributes:
        memory: MB, 128 to 10240.
        timeout: seconds that one call may take, 1 to 900.
        function_name: name of the function.
        copies: how many identical functions a map is spread over.
        architecture: of the function's processors; absent, the backend chooses.
        ephemeral_storage: MB of `/tmp`, 512 to 10240; absent, what the service gives by itself.
    """

    memory: _Memory = 1536
    timeout: _Timeout = 300
    function_name: _FunctionName = "pywren1"
    copies: _Copies = 1
    architecture: _Architecture | None = None
    ephemeral_storage: _EphemeralStorage | None = None


class S3Settings(Struct, frozen=True):
    """The bucket that callsets go through, unless `storage.url` names another store.

    Attributes:
        bucket: the bucket's name.
        pywren_prefix: what all keys in it begin with.
    """

    bucket: _Bucket | None = None
    pywren_prefix: _Prefix = "pywren.jobs"


class RuntimeSettings(Struct, frozen=True):
    """Where older versions kept their prebuilt runtime; read so that their files still load.

    Attributes:
        s3_bucket: the bucket of the archive.
        s3_key: its key.
    """

    s3_bucket: _Bucket | None = None
    s3_key: _Key | None = None


class SchedulerSettings(Struct, frozen=True):
    """Limits that hold before anything is sent.

    Attributes:
        map_item_limit: the most items that one map may have; absent, no limit.
    """

    map_item_limit: _ItemLimit | None = None


class StandaloneSettings(Struct, frozen=True):
    """The EC2 instances and the queue of standalone mode.

    Attributes:
        ec2_instance_type: the type of instance that is launched.
        sqs_queue_name: the queue that workers pull calls from.
        visibility: seconds that a received call stays hidden from other workers.
        ec2_ssh_key: name of the key pair of instances; absent, none.
        target_ami: id of the image; absent, the current one for the instance type.
        instance_name: the Name tag of instances.
        instance_profile_name: the profile that gives instances their role.
        max_idle_time: seconds without work after which an instance ends itself; absent, never.
        idle_terminate_granularity: seconds in which instances are billed.
    """

    ec2_instance_type: _InstanceType = "m4.4xlarge"
    sqs_queue_name: _Name | None = None
    visibility: _Visibility | None = None
    ec2_ssh_key: _Name | None = None
    target_ami: _Name | None = None
    instance_name: _Name | None = None
    instance_profile_name: _Name | None = None
    max_idle_time: _Seconds | None = None
    idle_terminate_granularity: _Seconds | None = None


class StorageSettings(Struct, frozen=True):
    """The store that callsets go through.

    Attributes:
        url: such as `s3://bucket/prefix`, `file:///directory` or `memory://`.
    """

    url: _Url | None = None


class Config(Struct, frozen=True):
    """All settings, checked; made by `load_config`, or by hand for `config=`.

    Each section is a record whose fields are absent (`None`) or have their default unless set.

    Attributes:
        lambda_: the section `lambda`, whose name is a reserved word in Python.
        source: the path of the file that was read, or `None` if there was none.

    >>> Config(lambda_=LambdaSettings(memory=3008)).lambda_.memory
    3008
    """

    account: AccountSettings = AccountSettings()
    lambda_: LambdaSettings = field(name="lambda", default=LambdaSettings())
    s3: S3Settings = S3Settings()
    runtime: RuntimeSettings = RuntimeSettings()
    scheduler: SchedulerSettings = SchedulerSettings()
    standalone: StandaloneSettings = StandaloneSettings()
    storage: StorageSettings = StorageSettings()
    source: str | None = None


# By the name that a file uses, in the order of `Config`.
SECTIONS: dict[str, type[Struct]] = {
    "account": AccountSettings,
    "lambda": LambdaSettings,
    "s3": S3Settings,
    "runtime": RuntimeSettings,
    "scheduler": SchedulerSettings,
    "standalone": StandaloneSettings,
    "storage": StorageSettings,
}

# Settings of PyWren 0.4 that nothing reads any more: (section, name), at the top level ("", name).
RETIRED = frozenset(
    {
        ("", "local_run_dir"),
        ("", "runtime_storage"),
        ("", "storage_backend"),
        ("", "storage_prefix"),
        ("runtime", "runtime_storage"),
        ("standalone", "availability_zone"),
        ("standalone", "fast_io"),
    }
)


def store_url(config: Config) -> str | None:
    """Return the URL of the store that `config` asks for, or `None` if it names none.

    `storage.url` goes before `s3.bucket` with `s3.pywren_prefix`.

    >>> store_url(Config(s3=S3Settings(bucket="my-bucket", pywren_prefix="jobs")))
    's3://my-bucket/jobs'
    >>> store_url(Config()) is None
    True
    """
    if config.storage.url is not None:
        return config.storage.url
    if config.s3.bucket is None:
        return None
    return f"s3://{config.s3.bucket}/{config.s3.pywren_prefix.strip('/')}"
