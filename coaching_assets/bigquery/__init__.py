"""The source: BigQuery's tables as Arrow batches, their metadata, and the external assets that stand for them."""
