with payments as (

    select * from {{ ref('int_sales__payments_validated') }}

),

final as (

    select
        cast(payment_id as {{ dbt.type_string() }}) as quarantine_key,
        'order_payments' as entity_name,
        'payment ' || cast(payment_id as {{ dbt.type_string() }})
        || ' for order ' || cast(order_id as {{ dbt.type_string() }}) as record_key,
        reason_codes,
        warning_codes,
        severity,
        payment_id,
        order_id,
        customer_id,
        order_customer_id,
        payment_method,
        payer_bic,
        currency_code,
        order_currency_code,
        payment_amount,
        order_total_amount,
        paid_so_far_amount,
        paid_at,
        ordered_at,
        validated_at,
        row_hash,
        source_ref,
        load_id,
        landed_at
    from payments
    where reason_codes is not null

)

select * from final
