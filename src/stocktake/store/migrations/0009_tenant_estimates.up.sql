-- The planner took "is not distinct from" of a column that is nearly always null for a condition
-- that almost no row meets, and looked thousands of keys up one by one. Of a choice it takes half
-- of the rows. Who sees which rows stays the same.
do $$
declare
    target record;
begin
    for target in select tablename from pg_policies
                   where schemaname = 'stocktake' and policyname = 'own_tenant' loop
        execute format(
            $policy$alter policy own_tenant on stocktake.%I using (
                case when (select nullif(current_setting('app.tenant_id', true), '')::uuid) is null
                     then tenant_id is null
                     else tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
                end)$policy$, target.tablename);
    end loop;
end $$;
