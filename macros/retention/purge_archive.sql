{# Copies what is due to an archive and reads it again. Returns {path, sha256, rows, is_same}. #}
{% macro archive_rows(policy, frame, from_due) -%}
    {{ return(adapter.dispatch('archive_rows')(policy, frame, from_due)) }}
{%- endmacro %}

{# Copies what is due to <archive_root>/<dataset>__<run>.parquet with a manifest beside it, then reads the file again: the same
   number of rows and the same contents, by a sum of hashes that does not ask for an order. #}
{% macro default__archive_rows(policy, frame, from_due) -%}
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

{# Copies what is due to <stage>/<dataset>__<run>.parquet and loads it into a table like the first: the same number of rows and the
   same sum of hashes. The stage's own list gives the file's MD5. #}
{% macro snowflake__archive_rows(policy, frame, from_due) -%}
    {%- set file = '@' ~ frame.archive_root ~ '/' ~ policy.dataset ~ '__' ~ frame.run_id ~ '.parquet' -%}
    {%- do run_query('copy into ' ~ file ~ ' from (select ' ~ archived_columns(policy, named=true) ~ from_due
        ~ ') file_format = (type = parquet) header = true single = true max_file_size = 5368709120') -%}
    {%- do run_query('copy into ' ~ frame.ops ~ '.rows_read from ' ~ file
        ~ ' file_format = (type = parquet) match_by_column_name = case_insensitive') -%}
    {%- set sums = 'select count(*), cast(coalesce(sum(cast(%s as decimal(20, 0))), 0) as varchar) from ' ~ frame.ops -%}
    {%- set hashed = 'hash(t.' ~ policy.columns | join(', t.') ~ ')' -%}
    {%- set written = run_query(sums | format('t.row_hash') ~ '.rows_due as t').rows[0] -%}
    {%- set read = run_query(sums | format(hashed) ~ '.rows_read as t').rows[0] -%}
    {%- set listed = run_query('list ' ~ file).rows -%}
    {{ return({'path': file, 'sha256': 'md5:' ~ listed[0][2] if listed else '', 'rows': read[0] | int,
        'is_same': written[0] | int == read[0] | int and written[1] | string == read[1] | string}) }}
{%- endmacro %}

{# Where archives go. On Snowflake a stage, `database.schema.name`. #}
{% macro archive_root() -%}
    {{ return(adapter.dispatch('archive_root')()) }}
{%- endmacro %}

{% macro default__archive_root() -%}
    {{ return(env_var('STRATA_ARCHIVE', 'archive')) }}
{%- endmacro %}

{% macro snowflake__archive_root() -%}
    {%- set stage = env_var('STRATA_ARCHIVE_STAGE', '') -%}
    {%- if stage and not modules.re.fullmatch('[A-Za-z_][A-Za-z0-9_$]*([.][A-Za-z_][A-Za-z0-9_$]*){2}', stage) -%}
        {{ exceptions.raise_compiler_error("STRATA_ARCHIVE_STAGE is '" ~ stage ~ "'; give database.schema.stage") }}
    {%- endif -%}
    {{ return(stage) }}
{%- endmacro %}

{# Before a real run: the archive is there, or nothing asks for one. #}
{% macro prepare_archive(order, frame) -%}
    {{ return(adapter.dispatch('prepare_archive')(order, frame)) }}
{%- endmacro %}

{% macro default__prepare_archive(order, frame) -%}
    {%- do run_query("copy (select 'what purges archived, with a manifest each' as about) to " ~ sql_text(frame.archive_root)
        ~ " (format csv, per_thread_output true, overwrite_or_ignore true, filename_pattern 'about')") -%}
{%- endmacro %}

{% macro snowflake__prepare_archive(order, frame) -%}
    {%- if frame.archive_root -%}
        {%- do run_query('list @' ~ frame.archive_root ~ '/' ~ frame.run_id) -%}
        {{ return('') }}
    {%- endif -%}
    {%- for name in order if frame.policies[name].action == 'archive_delete' -%}
        {%- set policy = frame.policies[name] -%}
        {%- set due = run_query('select count(*) from ' ~ policy.relation ~ ' as t where ' ~ is_due(policy, 't', frame)).rows[0][0] | int -%}
        {%- if due -%}
            {{ exceptions.raise_compiler_error('nothing was deleted: ' ~ due ~ ' rows of ' ~ name
                ~ ' have to be archived first. Set STRATA_ARCHIVE_STAGE to a stage (docs/retention.md)') }}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}

{# Snowflake, where var purge_time_travel_days says so: how long Time Travel keeps what was deleted. After the transactions, as it
   would end one. #}
{% macro set_time_travel(outcomes, frame, days) -%}
    {%- for outcome in outcomes if days is not none and outcome.status == 'done' -%}
        {%- do run_query('alter table ' ~ frame.policies[outcome.dataset].relation ~ ' set data_retention_time_in_days = ' ~ days) -%}
    {%- endfor -%}
{%- endmacro %}

{# The var as a number; none where it is not set, and on DuckDB, which has no Time Travel. #}
{% macro time_travel_days() -%}
    {%- set days = var('purge_time_travel_days', none) -%}
    {%- if target.type != 'snowflake' or days is none or days | string == '' -%}
        {{ return(none) }}
    {%- elif not modules.re.fullmatch('[0-9]|[1-8][0-9]|90', days | string) -%}
        {{ exceptions.raise_compiler_error("purge_time_travel_days is '" ~ days ~ "', give a number of days from 0 to 90") }}
    {%- endif -%}
    {{ return(days | int) }}
{%- endmacro %}
