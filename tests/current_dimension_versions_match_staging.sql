{#- Per dimension: what its snapshot is taken of, and the columns compared, by their names there and here. -#}
{%- set dimensions = {
    'supplier': {
        'source': ref('stg_sap__suppliers'),
        'versions': ref('dim_supplier'),
        'columns': {'supplier_name': 'supplier_name', 'country_code': 'country_code', 'is_blocked': 'is_blocked'},
    },
    'material': {
        'source': ref('stg_sap__materials'),
        'versions': ref('dim_material'),
        'columns': {'material_name': 'material_name', 'base_unit': 'base_unit', 'net_weight': 'net_weight'},
    },
    'client': {
        'source': ref('stg_emerald__clients'),
        'versions': ref('dim_client'),
        'columns': {'client_name': 'client_name', 'client_status': 'client_status', 'tenant_id': 'tenant_id'},
    },
    'product': {
        'source': ref('stg_atom__products'),
        'versions': ref('dim_product'),
        'columns': {'product_name': 'product_name', 'unit_cost_amount': 'unit_cost_amount', 'is_active': 'is_active'},
    },
    'cost_center': {
        'source': ref('int_people__cost_centers'),
        'versions': ref('dim_cost_center'),
        'columns': {'company_id': 'tenant_id', 'manager_id': 'manager_id', 'has_workers': 'has_workers'},
    },
    'employee': {
        'source': ref('stg_workday__workers'),
        'versions': ref('dim_employee'),
        'columns': {'worker_status': 'worker_status', 'cost_center_id': 'cost_center_id', 'company_id': 'tenant_id'},
    },
} -%}

{%- set place = {'source': 0, 'versions': 1} -%}

with
{% for side in ['source', 'versions'] %}
compared_{{ side }} as (

    {% for name, dimension in dimensions.items() %}
    {#- Null and an empty text must not look alike. #}
    {%- set attributes = [] %}
    {%- for names in dimension.columns.items() %}
    {%- set text = "cast(" ~ names[place[side]] ~ " as " ~ dbt.type_string() ~ ")" %}
    {%- do attributes.append("coalesce('<' || " ~ text ~ " || '>', '-')") %}
    {%- endfor %}
    select
        '{{ name }}' as dimension_name,
        {% if name == 'employee' %}
        -- Workers have one row for each effective date, all of which hold.
        employee_id || ' ' || cast(effective_date as {{ dbt.type_string() }}) as member_id,
        {% else %}
        cast({{ name }}_id as {{ dbt.type_string() }}) as member_id,
        {% endif %}
        {{ attributes | join(' || ') }} as attributes
    from {{ dimension[side] }}
    {% if side == 'versions' %}
    -- Stand-ins come from no landed row.
    where not is_deleted and landed_at is not null {%- if name != 'employee' %} and is_current{% endif %}
    {% endif %}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

){{ ',' if not loop.last }}
{% endfor %}

select
    coalesce(sources.dimension_name, versions.dimension_name) as dimension_name,
    coalesce(sources.member_id, versions.member_id) as member_id,
    sources.attributes as source_attributes,
    versions.attributes as version_attributes
from compared_source as sources
full outer join compared_versions as versions
    on sources.dimension_name = versions.dimension_name and sources.member_id = versions.member_id
where sources.attributes is distinct from versions.attributes
