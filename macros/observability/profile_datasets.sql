{# Measures every mart and every landed table: rows by tenant, doubled keys, rows in quarantine, and for each column what is
   filled, how many values there are, and between what and around what they lie. Run after a build:
   `dbt run-operation profile_datasets`. Appends to raw_ops, all at once; what was measured last on a day counts. A table
   that holds what it held when it was measured last is not measured again: its figures are repeated for the day.
   dbt takes longer over a statement than DuckDB: what can be asked of all datasets together is. #}
{% macro profile_datasets(datasets=[]) %}
    {%- if execute %}
        {%- set found = profiled_datasets(datasets) %}
        {%- set measured = found | map(attribute='name') | list %}
        {%- for name in datasets if name not in measured %}
            {{ exceptions.raise_compiler_error("profile_datasets: '" ~ name ~ "' is no table that is built or landed") }}
        {%- endfor %}
        {#- Not without a transaction: dbt opens one where it looks relations up, or none where it knows them. -#}
        {%- call statement('transaction', auto_begin=True) %}select 1 as is_open{% endcall %}
        {%- set known, contents = last_profiles(), contents_of(found) if found else {} %}
        {%- set repeated, repeated_columns = [], [] %}
        {%- for dataset in found %}
            {%- set last, content = known.get(dataset.name, {}), contents[dataset.name] %}
            {#- A warehouse of before has no digest of the quarantines behind that of the table. -#}
            {%- if not last.columns or (last.columns.content_hash ~ ':').split(':')[:3] != content.table.split(':') %}
                {%- do run_query(column_profile_sql(dataset, content.row_count)) %}
                {%- do run_query(dataset_profile_sql(dataset, content)) %}
            {%- else %}
                {%- if not last.columns.is_of_today %}
                    {%- do repeated_columns.append((dataset, last.columns.invocation_id)) %}
                {%- endif %}
                {#- What stands in a quarantine may move by itself. #}
                {%- if last.whole.content_hash == content.table ~ ':' ~ content.held %}
                    {%- do repeated.append((dataset, last.whole.invocation_id)) %}
                {%- else %}
                    {%- do run_query(dataset_profile_sql(dataset, content)) %}
                {%- endif %}
            {%- endif %}
        {%- endfor %}
        {%- if repeated_columns %}
            {%- do run_query(repeated_columns_sql(repeated_columns)) %}
        {%- endif %}
        {%- if repeated %}
            {%- do run_query(repeated_datasets_sql(repeated)) %}
        {%- endif %}
        {%- do adapter.commit() %}
        {{ log(found | length ~ " datasets profiled", info=true) }}
    {%- endif %}
{% endmacro %}

{# By dataset, the content for which it was measured last: as a whole, and in its columns, which are not measured each time. #}
{% macro last_profiles() %}
    {%- set found = {} %}
    {%- set rows = run_query(
        "select dataset_name, content_hash, invocation_id, measured_date = " ~ as_of_date() ~ " as is_of_today, exists"
        ~ " (select 1 from " ~ source('ops', 'column_profiles') ~ " as columns_measured"
        ~ " where columns_measured.dataset_name = measured.dataset_name"
        ~ " and columns_measured.invocation_id = measured.invocation_id) as has_columns"
        ~ " from " ~ source('ops', 'dataset_profiles') ~ " as measured where tenant_id = 'all'"
        ~ " qualify row_number() over"
        ~ " (partition by dataset_name, has_columns order by measured_at desc, invocation_id desc) = 1"
        ~ " order by measured_at, invocation_id"
    ) %}
    {%- for row in rows.rows %}
        {%- set last = {'content_hash': row[1] or '', 'invocation_id': row[2], 'is_of_today': row[3]} %}
        {%- do found.setdefault(row[0], {}).update({'whole': last}) %}
        {%- if row[4] %}
            {%- do found[row[0]].update({'columns': last}) %}
        {%- endif %}
    {%- endfor %}
    {{ return(found) }}
{% endmacro %}

{# By dataset, its rows and what a digest says of them, and of the quarantines of its rows: one statement for all. #}
{% macro contents_of(datasets) %}
    {%- set asked, found = [], {} %}
    {%- for dataset in datasets %}
        {%- set query %}
            select
                '{{ dataset.name }}' as dataset_name, count(*) as row_count, {{ content_digest('profiled.*') }} as content,
                {% if not dataset.quarantines %}''{% endif %}
                {%- for quarantine in dataset.quarantines %}
                {%- set held = content_digest('held.tenant_id' if quarantine.has_tenant else '1') %}
                (select cast(count(*) as varchar) || '-' || coalesce({{ held }}, '') from {{ quarantine.relation }} as held)
                {{- " || '-' || " if not loop.last }}
                {%- endfor %} as held
            from {{ dataset.relation }} as profiled {{ dataset.present }}
        {%- endset %}
        {%- do asked.append(query) %}
    {%- endfor %}
    {%- for row in run_query(asked | join(' union all ')).rows %}
        {%- do found.update({row[0]: {'row_count': row[1] | int, 'digest': row[2], 'held': row[3] or ''}}) %}
    {%- endfor %}
    {%- for dataset in datasets %}
        {%- set content = found[dataset.name] %}
        {#- What the figures depend on besides the rows: columns, types, whose values are personal, the key, the sample's size. -#}
        {%- set shape = [
            dataset.columns | map(attribute='name') | map('lower') | list,
            dataset.columns | map(attribute='data_type') | list, dataset.personal | sort, dataset.key, var('profile_sample_rows')
        ] %}
        {%- do content.update({'table': local_md5(shape | string) ~ ':' ~ content.row_count ~ ':' ~ content.digest}) %}
    {%- endfor %}
    {{ return(found) }}
{% endmacro %}

{# A digest of rows (alias.*) or values, in whatever order they come: two contents share one by a chance of one in 2^64. #}
{% macro content_digest(values) -%}
    {{ return(adapter.dispatch('content_digest')(values)) }}
{%- endmacro %}

{% macro default__content_digest(values) -%}
    cast(sum(hash({{ values | replace('.*', '') }})) as varchar)
{%- endmacro %}

{% macro snowflake__content_digest(values) -%}
    cast(hash_agg({{ values }}) as varchar)
{%- endmacro %}
