{# Deletes (or anonymises) what is due in one dataset, in one transaction, and says how it went. A statement that fails ends
   the run and with it the transaction; counts that do not agree roll it back and come back as a mismatch. #}
{% macro purge_dataset(policy, frame) -%}
    {%- set due = is_due(policy, 't', frame) -%}
    {%- set outcome = {'dataset': policy.dataset, 'action': policy.action, 'due': 0, 'held': 0, 'done': 0, 'status': 'nothing due',
        'archive': none} -%}
    {%- do prepare_marks(policy, frame) -%}
    {%- do run_query('begin transaction') -%}
    {%- set from_due = ' from ' ~ policy.relation ~ ' as t where ' ~ mark_due(policy, frame, due) -%}
    {%- set counted = run_query('select count(*), (select count(*) from ' ~ policy.relation ~ '), '
        ~ digest_of_keys(policy, frame) ~ from_due).rows[0] -%}
    {%- do outcome.update({'due': counted[0] | int, 'held': count_held(policy, frame), 'digest': counted[2]}) -%}
    {%- if outcome.due == 0 -%}
        {%- do run_query('rollback') -%}
        {{ return(outcome) }}
    {%- endif -%}
    {%- if policy.action == 'archive_delete' -%}
        {%- do outcome.update({'archive': archive_rows(policy, frame, from_due)}) -%}
        {%- if outcome.archive.rows != outcome.due or not outcome.archive.is_same -%}
            {%- do run_query('rollback') -%}
            {%- do outcome.update({'status': 'mismatch', 'why': 'the archive does not read back as what is due'}) -%}
            {{ return(outcome) }}
        {%- endif -%}
    {%- endif -%}
    {%- do remember_deleted(policy, frame, from_due) -%}
    {%- set where = from_due.split(' as t where ', 1)[1] -%}
    {%- set statement = ('update ' ~ policy.relation ~ ' as t set ' ~ anonymous_values(policy, frame) ~ ' where ' ~ where)
        if policy.action == 'anonymise' else 'delete' ~ from_due -%}
    {%- set touched = rows_touched(run_query(statement), outcome.due) -%}
    {%- set after = run_query('select count(*), (select count(*) from ' ~ policy.relation ~ ') from ' ~ policy.relation
        ~ ' as t where ' ~ due).rows[0] -%}
    {%- set gone = (counted[1] | int) - (after[1] | int) -%}
    {%- set expected = 0 if policy.action == 'anonymise' else outcome.due -%}
    {%- if gone != expected or after[0] | int != 0 or touched != outcome.due -%}
        {%- do run_query('rollback') -%}
        {%- do outcome.update({'status': 'mismatch', 'why': outcome.due ~ ' rows were due, '
            ~ (gone if touched == outcome.due else touched) ~ ' went, ' ~ after[0] ~ ' are left'}) -%}
        {{ return(outcome) }}
    {%- endif -%}
    {%- do outcome.update({'done': outcome.due, 'status': 'done'}) -%}
    {%- do run_query(log_action(policy, frame, outcome, due)) -%}
    {%- do run_query('commit') -%}
    {{ return(outcome) }}
{%- endmacro %}

{# The row alone says whether it is due: nothing else has to be looked up. #}
{% macro is_plain(policy, frame) -%}
    {{ return(not policy.follows and (policy.everything or (policy.clock is not none and may_go(policy, 't', frame) == 'true'))) }}
{%- endmacro %}

{# SQL: one digest of the keys of all rows of a query, in which their order does not count. Where one tombstone stands for all,
   of their clocks, by which it knows them: reading a million keys takes longer than deleting their rows. #}
{% macro digest_of_keys(policy, frame) -%}
    {%- set columns = [policy.clock] if policy.tombstones == 'range' and policy.clock else policy['keys'] -%}
    {%- if not columns -%}
        {{ return("''") }}
    {%- endif -%}
    {{ return(sha256_of(sql_text(frame.tombstone_key ~ '|' ~ policy.dataset ~ '|') ~ " || count(*) || '|' || coalesce(" ~ xor_of_hashes(columns)
        ~ ', 0)')) }}
{%- endmacro %}

{% macro count_held(policy, frame) -%}
    {%- if policy.follows or policy.everything or policy.clock and may_go(policy, 't', frame) == 'true' -%}
        {{ return(0) }}
    {%- endif -%}
    {%- set rows = run_query('select count(*) from ' ~ policy.relation ~ ' as t where ' ~ is_due(policy, 't', frame, held=true)).rows -%}
    {{ return(rows[0][0] | int) }}
{%- endmacro %}

{# Writes a tombstone for each row that goes, or one for all of them. #}
{% macro remember_deleted(policy, frame, from_due) -%}
    {%- if policy.tombstones != 'none' and policy['keys'] -%}
        {%- set by_key = policy.tombstones != 'range' -%}
        {%- do run_query('insert into ' ~ frame.ops ~ '.tombstones (dataset_name, key_digest, cause, as_of, run_id) select '
            ~ sql_text(policy.dataset) ~ ', ' ~ (key_digest(policy.dataset, policy['keys'], 't', frame, policy.columns) if by_key else 'null') ~ ', '
            ~ sql_text(frame.cause) ~ ', ' ~ utc_moment(frame.as_of) ~ ', ' ~ sql_text(frame.run_id) ~ (from_due if by_key else '')) -%}
    {%- endif -%}
{%- endmacro %}

{# Values that take persons out of a row and leave it countable: a pseudonym for the subject, of one kind or of all. A text
   says so instead of being empty, as the landed column may be required. #}
{% macro anonymous_values(policy, frame, kind=none) -%}
    {%- set values = [] -%}
    {%- for each, column in policy.subjects.items() if kind in (none, each) -%}
        {%- do values.append(column ~ ' = ' ~ pseudonym(each, column, frame)) -%}
    {%- endfor -%}
    {%- for column in policy.personal if column not in policy.subjects.values() -%}
        {%- do values.append(column ~ ' = ' ~ ("'erased'" if policy.columns[column] == 'VARCHAR' else 'null')) -%}
    {%- endfor -%}
    {{ return(values | join(', ')) }}
{%- endmacro %}

{% macro log_action(policy, frame, outcome, predicate) -%}
    {%- set archive = outcome.archive or {} -%}
    {%- set shown = predicate | replace(sql_text(frame.tombstone_key)[1:-1], '***') if frame.tombstone_key else predicate -%}
    {%- set texts = [] -%}
    {%- for value in [frame.run_id, policy.dataset, frame.cause, policy.action, shown, outcome.digest or '', archive.path or '',
            archive.sha256 or '', frame.who] -%}
        {%- do texts.append(sql_text(value)) -%}
    {%- endfor -%}
    {{ return('insert into ' ~ frame.ops ~ '.retention_actions (run_id, dataset_name, cause, action, predicate, key_digest, archive_path, '
        ~ 'archive_sha256, done_by, as_of, rows_due, rows_held, rows_done, done_at) values (' ~ texts | join(', ') ~ ', '
        ~ utc_moment(frame.as_of) ~ ', ' ~ outcome.due ~ ', ' ~ outcome.held ~ ', ' ~ outcome.done ~ ', current_timestamp)') }}
{%- endmacro %}
