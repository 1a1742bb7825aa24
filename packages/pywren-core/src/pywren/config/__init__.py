"""The settings that PyWren runs with, read from `.pywren_config` and from a `config=` argument.

Settings come in seven sections: `account`, `lambda`, `s3`, `runtime`, `scheduler`, `standalone`
and `storage`. The file is YAML:

```yaml
s3:
  bucket: my-bucket
  pywren_prefix: pywren.jobs
scheduler:
  map_item_limit: 10000
```

It is the file that `PYWREN_CONFIG_FILE` names, else `~/.pywren_config`, else none: without a file
every setting is absent or has its default. A `.pywren_config` in the current directory is never
read by itself, because a directory that somebody else made could then send data elsewhere.

>>> from pywren.config import load_config, store_url
>>> settings = {"lambda": {"memory": 3008}, "s3": {"bucket": "my-bucket"}}
>>> config = load_config(settings, environ={}, home="/nonexistent")
>>> config.lambda_.memory, config.lambda_.timeout
(3008, 300)
>>> store_url(config)
's3://my-bucket/pywren.jobs'

Whatever can't work is a `pywren.errors.ConfigError` that names the file and the setting:

>>> load_config({"s3": {"buckt": "my-bucket"}}, environ={}, home="/nonexistent")
Traceback (most recent call last):
    ...
pywren.errors.ConfigError: config argument: s3.buckt: unknown setting; did you mean s3.bucket?
"""

from __future__ import annotations

from pywren.config._files import config_path
from pywren.config._load import load_config
from pywren.config._schema import (
    AccountSettings,
    Config,
    LambdaSettings,
    RuntimeSettings,
    S3Settings,
    SchedulerSettings,
    StandaloneSettings,
    StorageSettings,
    store_url,
)

__all__ = [
    "AccountSettings",
    "Config",
    "LambdaSettings",
    "RuntimeSettings",
    "S3Settings",
    "SchedulerSettings",
    "StandaloneSettings",
    "StorageSettings",
    "config_path",
    "load_config",
    "store_url",
]
