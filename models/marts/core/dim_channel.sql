with channels as (

    select * from {{ ref('channels') }}

),

final as (

    select
        channel,
        channel_name,
        channel_kind,
        channel_description,
        is_interaction_channel,
        is_order_channel,
        is_acquisition_channel
    from channels

)

select * from final
