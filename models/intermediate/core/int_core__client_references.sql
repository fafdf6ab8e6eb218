{% set transactions = [
    ref('stg_emerald__bank_relationships'),
    ref('stg_emerald__payments'),
    ref('stg_atom__customers'),
    ref('stg_crm__sign_ups'),
    ref('stg_interactions__events'),
] %}

with final as (

    {% for transaction in transactions %}
    select client_id from {{ transaction }}
    where client_id is not null
    {% if not loop.last %}union{% endif %}
    {% endfor %}

)

select * from final
