-- name: page_of_view
-- A page of a view's rows in the order of its key; braces hold the view's statement and columns.
-- :limit integer
select * from ({statement}) as found {after} order by {key} limit %(limit)s;

-- name: after_key
-- The part of page_of_view that leaves out what earlier pages had.
where ({key}) > ({values})
