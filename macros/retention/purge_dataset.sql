{# Deletes (or anonymises) what is due in one dataset, in one transaction, and says how it went. A statement that fails ends
   the run and with it the transaction; counts that do not agree roll it back and come back as a mismatch. #}
{% macro purge_dataset(policy, frame) -%}
    {%- set due = is_due(policy, 't', frame) -%}
    {%- set outcome = {'dataset': policy.dataset, 'action': policy.action, 'due': 0, 'held': 0, 'done': 0, 'status': 'nothing due',
        'archive': none} -%}
    {%- do run_query('begin transaction') -%}
    {%- set from_due = ' from ' ~ policy.relation ~ ' as t where ' ~ (due if is_plain(policy, frame) else set_due_apart(policy, due)) -%}
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
    {%- if policy.action == 'anonymise' -%}
        {%- do run_query('update ' ~ policy.relation ~ ' as t set ' ~ anonymous_values(policy, frame) ~ ' where ' ~ where) -%}
    {%- else -%}
        {%- do run_query('delete' ~ from_due) -%}
    {%- endif -%}
    {%- set after = run_query('select count(*), (select count(*) from ' ~ policy.relation ~ ') from ' ~ policy.relation
        ~ ' as t where ' ~ due).rows[0] -%}
    {%- set gone = (counted[1] | int) - (after[1] | int) -%}
    {%- set expected = 0 if policy.action == 'anonymise' else outcome.due -%}
    {%- if gone != expected or after[0] | int != 0 -%}
        {%- do run_query('rollback') -%}
        {%- do outcome.update({'status': 'mismatch', 'why': outcome.due ~ ' rows were due, ' ~ gone ~ ' went, ' ~ after[0] ~ ' are left'}) -%}
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

{# Where that depends on other rows, or on digests, it is reckoned once and kept by row number, in the transaction that deletes
   the rows. Returns the condition of the rows kept. #}
{% macro set_due_apart(policy, due) -%}
    {%- do run_query('create or replace temp table rows_due as select t.rowid as row_id from ' ~ policy.relation ~ ' as t where ' ~ due) -%}
    {{ return('t.rowid in (select row_id from rows_due)') }}
{%- endmacro %}

{# SQL: one digest of the keys of all rows of a query, in which their order does not count. Where one tombstone stands for all,
   of their clocks, by which it knows them: reading a million keys takes longer than deleting their rows. #}
{% macro digest_of_keys(policy, frame) -%}
    {%- set columns = [policy.clock] if policy.tombstones == 'range' and policy.clock else policy['keys'] -%}
    {%- if not columns -%}
        {{ return("''") }}
    {%- endif -%}
    {{ return('sha256(' ~ sql_text(frame.tombstone_key ~ '|' ~ policy.dataset ~ '|') ~ " || count(*) || '|' || coalesce(bit_xor(hash(t."
        ~ columns | join(', t.') ~ ')), 0))') }}
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
            ~ sql_text(policy.dataset) ~ ', ' ~ (key_digest(policy.dataset, policy['keys'], 't', frame) if by_key else 'null') ~ ', '
            ~ sql_text(frame.cause) ~ ", timestamp '" ~ frame.as_of ~ "', " ~ sql_text(frame.run_id) ~ (from_due if by_key else '')) -%}
    {%- endif -%}
{%- endmacro %}

{# Copies what is due to <archive_root>/<dataset>__<run>.parquet with a manifest beside it, then reads the file again: the same
   number of rows and the same contents, by a sum of hashes that does not ask for an order. #}
{% macro archive_rows(policy, frame, from_due) -%}
    {%- set file = frame.archive_root ~ '/' ~ policy.dataset ~ '__' ~ frame.run_id -%}
    {%- do run_query('copy (select t.*' ~ from_due ~ ') to ' ~ sql_text(file ~ '.parquet') ~ ' (format parquet)') -%}
    {%- set sums = 'select count(*), coalesce(sum(cast(hash(s) as hugeint)), 0) from ' -%}
    {%- set written = run_query(sums ~ '(select t.*' ~ from_due ~ ') as s').rows[0] -%}
    {%- set read = run_query(sums ~ 'read_parquet(' ~ sql_text(file ~ '.parquet') ~ ') as s').rows[0] -%}
    {%- set bytes = run_query('select sha256(content), size from read_blob(' ~ sql_text(file ~ '.parquet') ~ ')').rows[0] -%}
    {%- do run_query('copy (select ' ~ sql_text(policy.dataset) ~ ' as dataset_name, ' ~ sql_text(frame.run_id) ~ ' as run_id, '
        ~ "timestamp '" ~ frame.as_of ~ "' as as_of, " ~ read[0] ~ ' as row_count, ' ~ sql_text(bytes[0]) ~ ' as sha256, '
        ~ bytes[1] ~ ' as size_bytes) to ' ~ sql_text(file ~ '.manifest.json') ~ ' (format json)') -%}
    {{ return({'path': file ~ '.parquet', 'sha256': bytes[0], 'rows': read[0] | int,
        'is_same': written[0] | int == read[0] | int and written[1] | string == read[1] | string}) }}
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
    {%- set shown = predicate | replace(frame.tombstone_key, '***') if frame.tombstone_key else predicate -%}
    {%- set texts = [] -%}
    {%- for value in [frame.run_id, policy.dataset, frame.cause, policy.action, shown, outcome.digest or '', archive.path or '',
            archive.sha256 or '', frame.who] -%}
        {%- do texts.append(sql_text(value)) -%}
    {%- endfor -%}
    {{ return('insert into ' ~ frame.ops ~ '.retention_actions (run_id, dataset_name, cause, action, predicate, key_digest, archive_path, '
        ~ 'archive_sha256, done_by, as_of, rows_due, rows_held, rows_done, done_at) values (' ~ texts | join(', ') ~ ", timestamp '"
        ~ frame.as_of ~ "', " ~ outcome.due ~ ', ' ~ outcome.held ~ ', ' ~ outcome.done ~ ', current_timestamp)') }}
{%- endmacro %}
