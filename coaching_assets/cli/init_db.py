"""`coaching init-db`: create the application's tables in an empty database."""

from coaching_assets.cli.terminal import Verbose, print_line, report_errors


def init_db(verbose: Verbose = False) -> None:
    """Create the application's tables in an empty database."""
    from coaching_assets.publish.application import create_application_tables
    from coaching_assets.settings import load_settings

    with report_errors(verbose):
        settings = load_settings()
        create_application_tables(settings)
        print_line(f"Created the application's tables in schema {settings.coaching_schema!r}.")
