-- The aggregates of the rows that new loads brought to a source.
select {key} as key from {view} where load_id = any ({loads})
