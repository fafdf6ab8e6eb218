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
        validated.order_line_key,
        validated.client_key,
        validated.product_key,
        validated.employee_key,
        validated.order_id,
        validated.order_line_number,
        validated.customer_id,
        validated.client_id,
        validated.product_id,
        validated.sales_rep_id,
        validated.tenant_id,
        validated.order_status,
        validated.channel,
        validated.currency_code,
        validated.warning_codes,
        validated.ordered_quantity,
        validated.unit_price_amount,
        validated.gross_amount,
        validated.discount_amount,
        validated.tax_amount,
        validated.net_amount,
        {{ in_gbp('gross_amount', 'validated') }} as gross_amount_gbp,
        {{ in_gbp('discount_amount', 'validated') }} as discount_amount_gbp,
        {{ in_gbp('tax_amount', 'validated') }} as tax_amount_gbp,
        {{ in_gbp('net_amount', 'validated') }} as net_amount_gbp,
        validated.shipped_at is not null as is_shipped,
        validated.order_status = 'cancelled' as is_cancelled,
        validated.order_status = 'returned' as is_returned,
        cast(validated.ordered_at as date) as order_date,
        validated.ordered_at,
        validated.shipped_at,
        validated.delivered_at,
        validated.validated_at,
        validated.row_hash,
        validated.source_ref,
        validated.load_id,
        validated.landed_at,
        validated.atom_landed_at
    from validated
    where validated.reason_codes is null
        {% if is_incremental_run() %}
        and {{ written_since('validated_at', this, 'validated') }}
        {% endif %}

)

select * from final
