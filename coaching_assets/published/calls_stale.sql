-- Published calls that are deleted at the source.
select calls.id from wanted_calls as wanted join calls on calls.id = wanted.id where wanted.deleted
