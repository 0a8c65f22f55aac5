-- Rows that are compared first: an update of an equal row would fire the application's triggers.
update {table} as row
set {assignments}
from {wanted} as wanted
where {same_key} and {publishable} and ({differs})
