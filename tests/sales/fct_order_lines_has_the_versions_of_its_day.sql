{% set dimensions = {
    'dim_client': ['client_id', 'client_key'],
    'dim_product': ['product_id', 'product_key'],
    'dim_employee': ['sales_rep_id', 'employee_key'],
} %}

with lines as (

    select * from {{ ref('fct_order_lines') }}

),

{% for dimension, (member_id, member_key) in dimensions.items() %}
{{ dimension }} as (

    select * from {{ ref(dimension) }}

),

{% endfor %}
differences as (

    {% for dimension, (member_id, member_key) in dimensions.items() %}
    select
        lines.order_line_key,
        '{{ dimension }}' as dimension_name,
        cast(lines.{{ member_id }} as {{ dbt.type_string() }}) as member_id,
        lines.{{ member_key }} as stored_key,
        {{ dimension }}.{{ member_key }} as key_of_its_day
    from lines
    left join {{ dimension }}
        on lines.{{ member_id }} = {{ dimension }}.{{ member_id | replace('sales_rep_id', 'employee_id') }}
        and {{ valid_at('lines.ordered_at', dimension) }}
    where lines.{{ member_key }} <> coalesce({{ dimension }}.{{ member_key }}, {{ unknown_member_key() }})
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

)

select * from differences
