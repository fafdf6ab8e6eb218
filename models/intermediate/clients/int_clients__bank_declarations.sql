with clients as (

    select * from {{ ref('dim_client') }}
    where not is_deleted and not is_inferred and declared_bank_bic is not null

),

validated as (

    select * from {{ ref('int_clients__clients_validated') }}

),

partner_banks as (

    select * from {{ ref('partner_banks') }}

),

dated as (

    select
        clients.client_id,
        {{ bank_group('clients.declared_bank_bic') }} as bank_group,
        -- Known at a day's end, as in int_clients__bank_relationship_versions, and not before the client was onboarded,
        -- where it was.
        greatest(
            cast(clients.valid_from as date), coalesce(clients.onboarded_date, cast(clients.valid_from as date))
        ) as declared_from_date,
        cast({{ dbt.dateadd('day', -1, 'cast(clients.valid_to as date)') }} as date) as declared_to_date
    from clients
    left join validated on clients.client_id = validated.client_id
    left join partner_banks on {{ bic_institution('clients.declared_bank_bic') }} = partner_banks.institution_code
    -- What a client in quarantine declares counts once the client has been mended.
    where validated.reason_codes is null

),

final as (

    select * from dated
    where declared_from_date <= declared_to_date

)

select * from final
