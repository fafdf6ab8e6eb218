{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='order_id',
    on_schema_change='fail',
    pre_hook="{{ delete_landed_tombstones(
        this, ref('stg_atom__order_lines'), 'order_line_key', 'atom_landed_at',
        also=quarantined_keys(ref('int_sales__order_lines_validated'), 'order_line_key')
    ) }}"
) }}

-- Which orders change is decided upstream: a run takes over what has been judged again since the last one.
with validated as (

    select * from {{ ref('int_sales__order_lines_validated') }}

),

final as (

    select
        order_line_key,
        client_key,
        product_key,
        employee_key,
        order_id,
        order_line_number,
        customer_id,
        client_id,
        product_id,
        sales_rep_id,
        tenant_id,
        order_status,
        channel,
        currency_code,
        warning_codes,
        ordered_quantity,
        unit_price_amount,
        gross_amount,
        discount_amount,
        tax_amount,
        net_amount,
        {{ in_gbp('gross_amount', 'validated') }} as gross_amount_gbp,
        {{ in_gbp('discount_amount', 'validated') }} as discount_amount_gbp,
        {{ in_gbp('tax_amount', 'validated') }} as tax_amount_gbp,
        {{ in_gbp('net_amount', 'validated') }} as net_amount_gbp,
        shipped_at is not null as is_shipped,
        order_status = 'cancelled' as is_cancelled,
        order_status = 'returned' as is_returned,
        cast(ordered_at as date) as order_date,
        ordered_at,
        shipped_at,
        delivered_at,
        validated_at,
        row_hash,
        source_ref,
        load_id,
        landed_at,
        atom_landed_at
    from validated
    where reason_codes is null
    {% if is_incremental_run() %}
        and {{ written_since('validated_at', this, 'validated') }}
    {% endif %}

)

select * from final
