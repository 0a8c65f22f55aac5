-- Rows of another aggregate that can exist without the rows about to be deleted.
update {child} as child
set {column} = null
from {stale} as stale
where child.{column} = stale.id and not stale.blocked
