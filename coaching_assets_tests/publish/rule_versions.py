"""Prints the rule version of each group of tables, for each line of JSON on its input: settings to replace.

It imports the package again for each line, from the folder that it runs in.
"""

import importlib
import json
import sys


def versions(changed: dict[str, object]) -> dict[str, str]:
    for name in [name for name in sys.modules if name.partition(".")[0] == "coaching_assets"]:
        del sys.modules[name]
    importlib.invalidate_caches()
    connection = importlib.import_module("coaching_assets.postgres.connection")
    publisher = importlib.import_module("coaching_assets.publish.publisher")
    tables = importlib.import_module("coaching_assets.publish.tables")
    rules = importlib.import_module("coaching_assets.publish.rule_version")
    settings = importlib.import_module("coaching_assets.settings").load_settings()
    with connection.connect(settings) as database:
        session = publisher.Publisher(database, settings)
        session.prepare()
        database.commit()
        settings = settings.model_copy(update=changed)
        with database.cursor() as cursor:
            return {g.name: rules.rule_version(cursor, settings, g, session.replica) for g in tables.GROUPS}


for line in sys.stdin:
    print(json.dumps(versions(json.loads(line))), flush=True)
