{# Measures every mart and every landed table: rows by tenant, doubled keys, rows in quarantine, and for each column what is
   filled, how many values there are, and between what and around what they lie. Run after a build:
   `dbt run-operation profile_datasets`. Appends to raw_ops; what was measured last on a day counts. Columns of a table
   that holds what it held when they were measured last are not measured again: their figures are repeated for the day. #}
{% macro profile_datasets(datasets=[]) %}
    {%- if execute %}
        {%- set found, known = [], last_profiles() %}
        {%- for dataset in profiled_datasets() if not datasets or dataset.name in datasets %}
            {%- set relation = adapter.get_relation(dataset.database, dataset.schema, dataset.identifier) %}
            {%- if relation and relation.is_table %}
                {%- do profile_dataset(dataset, relation, known.get(dataset.name)) %}
                {#- Not without a transaction: dbt opens one where it looks relations up, or none where it knows them. -#}
                {%- call statement('transaction', auto_begin=True) %}select 1 as is_open{% endcall %}
                {%- do adapter.commit() %}
                {%- do found.append(dataset.name) %}
            {%- endif %}
        {%- endfor %}
        {%- for name in datasets if name not in found %}
            {{ exceptions.raise_compiler_error("profile_datasets: '" ~ name ~ "' is no table that is built or landed") }}
        {%- endfor %}
        {{ log(found | length ~ " datasets profiled", info=true) }}
    {%- endif %}
{% endmacro %}

{# One dataset: its size and content, its columns where the content is new, and the dataset as a whole. #}
{% macro profile_dataset(dataset, relation, known=none) %}
    {%- set columns = [] %}
    {%- for column in adapter.get_columns_in_relation(relation) if not column.name.startswith('_') %}
        {%- do columns.append(column) %}
    {%- endfor %}
    {%- set names = columns | map(attribute='name') | map('lower') | list %}
    {%- set has_tenant = 'tenant_id' in names %}
    {#- A key that lost a column is for its test to report, not for the measuring to stop at. -#}
    {%- if dataset.key | reject('in', names) | list %}
        {%- do dataset.update({'key': []}) %}
    {%- endif %}
    {#- Rows that are gone from their source are kept, and are not part of what there is. -#}
    {%- set present = "where coalesce(_is_deleted, false) = false" if dataset.kind == 'source' else "" %}
    {%- set size = run_query("select count(*), " ~ content_digest('profiled') ~ " from " ~ relation ~ " as profiled " ~ present) %}
    {%- set row_count = size.columns[0].values()[0] | int %}
    {#- What the figures depend on besides the rows: columns, types, whose values are personal, the key, the sample's size. -#}
    {%- set shape = [
        names, columns | map(attribute='data_type') | list, dataset.personal | sort, dataset.key, var('profile_sample_rows')
    ] %}
    {%- set content = local_md5(shape | string) ~ ':' ~ row_count ~ ':' ~ size.columns[1].values()[0] %}
    {%- set is_new = not known or known.content_hash != content %}
    {%- if is_new %}
        {%- do run_query(column_profile_sql(dataset, relation, present, columns, has_tenant, row_count)) %}
    {%- elif not known.is_of_today %}
        {%- do run_query(repeated_profile_sql(dataset, known.invocation_id)) %}
    {%- endif %}
    {#- What stands in a quarantine may move by itself. #}
    {%- if is_new or dataset.quarantines %}
        {%- do run_query(dataset_profile_sql(dataset, relation, present, has_tenant, row_count, content)) %}
    {%- else %}
        {%- do run_query(repeated_dataset_sql(dataset, known.invocation_id)) %}
    {%- endif %}
{% endmacro %}

{# By dataset, the content for which its columns were measured last. #}
{% macro last_profiles() %}
    {%- set found = {} %}
    {%- set rows = run_query(
        "select dataset_name, content_hash, invocation_id, measured_date = " ~ as_of_date() ~ " as is_of_today"
        ~ " from " ~ source('ops', 'dataset_profiles') ~ " as measured"
        ~ " where tenant_id = 'all' and exists (select 1 from " ~ source('ops', 'column_profiles') ~ " as columns_measured"
        ~ " where columns_measured.dataset_name = measured.dataset_name"
        ~ " and columns_measured.invocation_id = measured.invocation_id)"
        ~ " qualify row_number() over (partition by dataset_name order by measured_at desc, invocation_id desc) = 1"
    ) %}
    {%- for row in rows.rows %}
        {%- do found.update({row[0]: {'content_hash': row[1], 'invocation_id': row[2], 'is_of_today': row[3]}}) %}
    {%- endfor %}
    {{ return(found) }}
{% endmacro %}

{# A digest of a table's rows, in whatever order they come: two contents share one by a chance of one in 2^64. #}
{% macro content_digest(relation_alias) -%}
    {{ return(adapter.dispatch('content_digest')(relation_alias)) }}
{%- endmacro %}

{% macro default__content_digest(relation_alias) -%}
    cast(sum(hash({{ relation_alias }})) as varchar)
{%- endmacro %}

{% macro snowflake__content_digest(relation_alias) -%}
    cast(hash_agg({{ relation_alias }}.*) as varchar)
{%- endmacro %}

{# Keys are compared by a hash of 64 bits, which takes a tenth of the memory: among ten million keys, the chance that two
   different ones meet is three in a million. #}
{% macro dataset_profile_sql(dataset, relation, present, has_tenant, row_count, content) -%}
    insert into {{ source('ops', 'dataset_profiles') }}
    with counted as (
        select {{ tenant_group(has_tenant) }} as tenant_group, count(*) as row_count
        from {{ relation }} {{ present }} {{ by_tenant(has_tenant) }}
    )
    {%- if dataset.key %},
    repeated as (
        select {{ 'min(tenant_id)' if has_tenant else 'null' }} as tenant_id, count(*) - 1 as surplus
        from {{ relation }}
        group by hash({{ dataset.key | join(', ') }})
        having count(*) > 1
    ),
    duplicates as (
        select {{ tenant_group(has_tenant) }} as tenant_group, sum(surplus) as duplicate_row_count
        from repeated {{ by_tenant(has_tenant) }}
    )
    {%- endif %}
    {%- if dataset.quarantines %},
    held as (
        {%- for quarantine in dataset.quarantines %}
        {{ 'union all' if not loop.first }}
        select {{ 'tenant_id' if quarantine.has_tenant else "'unknown'" }} as tenant_id from {{ quarantine.relation }}
        {%- endfor %}
    ),
    quarantined as (
        select {{ tenant_group(has_tenant) }} as tenant_group, count(*) as quarantined_row_count
        from held {{ by_tenant(has_tenant) }}
    )
    {%- endif %}
    select
        '{{ dataset.name }}', '{{ dataset.kind }}', counted.tenant_group, {{ as_of_date() }}, {{ run_stamp() }},
        '{{ invocation_id }}', '{{ dataset.owner }}', '{{ dataset.sources }}', counted.row_count,
        {{ [row_count, var('profile_sample_rows') | int] | min if row_count else 0 }},
        {{ "coalesce(duplicates.duplicate_row_count, 0)" if dataset.key else "null" }},
        {%- set held_count = "coalesce(quarantined.quarantined_row_count, 0)" %}
        {#- Where quarantined rows do not say whose they are, they are known for the whole dataset only. -#}
        {%- if not dataset.quarantines %} null
        {%- elif dataset.quarantines | rejectattr('has_tenant') | list %}
        case when counted.tenant_group = 'all' then {{ held_count }} end
        {%- else %}
        {{ held_count }}
        {%- endif %},
        case when counted.tenant_group = 'all' then '{{ content }}' end
    from counted
    {%- if dataset.key %} left join duplicates on counted.tenant_group = duplicates.tenant_group {%- endif %}
    {%- if dataset.quarantines %} left join quarantined on counted.tenant_group = quarantined.tenant_group {%- endif %}
{%- endmacro %}

{# 'all' for the whole dataset, beside one group for each tenant where the rows say whose they are. #}
{% macro tenant_group(has_tenant) -%}
    {{ "case when grouping(tenant_id) = 1 then 'all' else coalesce(tenant_id, 'unknown') end" if has_tenant else "'all'" }}
{%- endmacro %}

{% macro by_tenant(has_tenant) -%}
    {{ "group by grouping sets ((), (tenant_id))" if has_tenant }}
{%- endmacro %}
