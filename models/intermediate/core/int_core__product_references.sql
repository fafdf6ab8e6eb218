{% set transactions = [
    ref('stg_atom__order_lines'),
] %}

with final as (

    {% for transaction in transactions %}
    select product_id from {{ transaction }}
    where product_id is not null
    {% if not loop.last %}union{% endif %}
    {% endfor %}

)

select * from final
