-- For an experiment: what each channel and campaign brought, by the month of the sign-up, and what an activation cost.
-- Young months have fewer activations, because some are still to come.
with sign_ups as (

    select * from {{ ref('int_growth__sign_ups_validated') }}
    where reason_codes is null

),

channels as (

    select * from {{ ref('dim_channel') }}

),

final as (

    select
        sign_ups.tenant_id,
        channels.channel_name,
        coalesce(sign_ups.campaign_name, 'none') as campaign_name,
        cast({{ dbt.date_trunc('month', 'sign_ups.signed_up_at') }} as date) as sign_up_month,
        count(*) as sign_up_count,
        count(case when sign_ups.sign_up_status = 'activated' then 1 end) as activation_count,
        sum(sign_ups.acquisition_cost_amount_gbp) as acquisition_cost_amount_gbp,
        {{ share_of(
            'sum(sign_ups.acquisition_cost_amount_gbp)',
            "count(case when sign_ups.sign_up_status = 'activated' then 1 end)"
        ) }} as cost_an_activation_gbp
    from sign_ups
    left join channels on sign_ups.acquisition_channel = channels.channel
    group by
        sign_ups.tenant_id,
        channels.channel_name,
        coalesce(sign_ups.campaign_name, 'none'),
        cast({{ dbt.date_trunc('month', 'sign_ups.signed_up_at') }} as date)

)

select * from final
order by tenant_id, sign_up_month, channel_name, campaign_name
