{# Keys are compared by a hash of 64 bits, which takes a tenth of the memory: among ten million keys, the chance that two
   different ones meet is three in a million. #}
{% macro dataset_profile_sql(dataset, content) -%}
    {%- set has_tenant = dataset.has_tenant %}
    insert into {{ source('ops', 'dataset_profiles') }}
    with counted as (
        select {{ tenant_group(has_tenant) }} as tenant_group, count(*) as row_count
        from {{ dataset.relation }} {{ dataset.present }} {{ by_tenant(has_tenant) }}
    )
    {%- if dataset.key %},
    repeated as (
        select {{ 'min(tenant_id)' if has_tenant else 'null' }} as tenant_id, count(*) - 1 as surplus
        from {{ dataset.relation }}
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
        {{ [content.row_count, var('profile_sample_rows') | int] | min }},
        {{ "coalesce(duplicates.duplicate_row_count, 0)" if dataset.key else "null" }},
        {%- set held_count = "coalesce(quarantined.quarantined_row_count, 0)" %}
        {#- Where quarantined rows do not say whose they are, they are known for the whole dataset only. -#}
        {%- if not dataset.quarantines %} null
        {%- elif dataset.quarantines | rejectattr('has_tenant') | list %}
        case when counted.tenant_group = 'all' then {{ held_count }} end
        {%- else %}
        {{ held_count }}
        {%- endif %},
        case when counted.tenant_group = 'all' then '{{ content.table }}:{{ content.held }}' end
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
