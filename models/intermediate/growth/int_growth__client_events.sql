with sign_ups as (

    select * from {{ ref('int_growth__sign_ups_validated') }}
    where reason_codes is null

),

clients as (

    select * from {{ ref('int_clients__clients_validated') }}
    where reason_codes is null

),

relationships as (

    select * from {{ ref('int_clients__bank_relationships_validated') }}
    where reason_codes is null

),

order_lines as (

    select * from {{ ref('int_sales__order_lines_validated') }}
    where reason_codes is null and order_status <> 'cancelled'

),

activated as (

    select * from sign_ups
    where sign_up_status = 'activated'

),

-- Only clients that came by a sign-up: what others ordered before the orders that we hold is not known.
first_orders as (

    select
        activated.sign_up_id,
        activated.tenant_id,
        min(cast(order_lines.ordered_at as date)) as event_date
    from activated
    inner join order_lines on activated.client_id = order_lines.client_id
    group by activated.sign_up_id, activated.tenant_id

),

-- Emerald has no day of leaving. The last day of the last relationship is the last on which the client was one.
losses as (

    select
        clients.client_id,
        clients.tenant_id,
        max(relationships.ended_date) as event_date
    from clients
    inner join relationships on clients.client_id = relationships.client_id
    where clients.client_status = 'offboarded'
    group by clients.client_id, clients.tenant_id

),

final as (

    select
        'sign_up' as event_name,
        sign_up_id as record_id,
        tenant_id,
        coalesce(acquisition_cost_amount_gbp, 0) as acquisition_cost_amount_gbp,
        cast(signed_up_at as date) as event_date
    from sign_ups
    union all
    select
        'activation' as event_name,
        sign_up_id as record_id,
        tenant_id,
        0 as acquisition_cost_amount_gbp,
        cast(activated_at as date) as event_date
    from activated
    union all
    select
        'first_order' as event_name,
        sign_up_id as record_id,
        tenant_id,
        0 as acquisition_cost_amount_gbp,
        event_date
    from first_orders
    union all
    select
        'loss' as event_name,
        client_id as record_id,
        tenant_id,
        0 as acquisition_cost_amount_gbp,
        event_date
    from losses
    where event_date is not null

)

select * from final
