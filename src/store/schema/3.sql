-- Version 3: an elevation counts only with this authority's word for it. Those of before have none, and
-- are not given it now, since whoever can write here could make them, and say that it is version 2
-- again. So they go: whoever holds a grant asks again. The ledger keeps what happened to each; what a
-- grant left at its target ends there by its own time.
delete from elevations;
-- These lead to them.
delete from answers;
