-- Drops the engine's tables; the systems' own components must have been rolled back before.
drop table signoff_item, signoff, check_result, derive_state, source_pause, gate, attempt, run_log, checkpoint, run,
    plan_part, plan, row_version, duplicate, reject, receipt, capture, body, unit, member,
    ledger_change, ledger, series cascade;
drop function unit_states(text, text, text[], integer[], integer[], text[], text[], text[],
    int4multirange[], text[], timestamptz, date, boolean);
drop function units_in(int4multirange);
drop function adopt_table(regclass, text[]);
drop aggregate laid_over(jsonb);
drop aggregate replay_ranges(int4multirange, int4multirange);
drop function apply_ranges(int4multirange, int4multirange, int4multirange);
