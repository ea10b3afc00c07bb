do $$
declare
    target record;
begin
    for target in select tablename from pg_policies
                   where schemaname = 'stocktake' and policyname = 'own_tenant' loop
        execute format(
            $policy$alter policy own_tenant on stocktake.%I using (tenant_id is not distinct from
                (select nullif(current_setting('app.tenant_id', true), '')::uuid))$policy$,
            target.tablename);
    end loop;
end $$;
