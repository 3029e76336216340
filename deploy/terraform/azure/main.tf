# A cluster for Weir, and the identity with which it calls Azure OpenAI.

resource "azurerm_resource_group" "this" {
  name     = var.name
  location = var.location
  tags     = var.tags
}

resource "azurerm_kubernetes_cluster" "this" {
  name                      = var.name
  location                  = azurerm_resource_group.this.location
  resource_group_name       = azurerm_resource_group.this.name
  dns_prefix                = var.name
  kubernetes_version        = var.kubernetes_version
  automatic_upgrade_channel = "patch"
  oidc_issuer_enabled       = true
  workload_identity_enabled = true
  local_account_disabled    = false
  tags                      = var.tags

  default_node_pool {
    name                        = "system"
    vm_size                     = var.node_size
    auto_scaling_enabled        = true
    min_count                   = var.node_count.min
    max_count                   = var.node_count.max
    zones                       = ["1", "2", "3"]
    temporary_name_for_rotation = "rotating"

    upgrade_settings {
      max_surge = "33%"
    }
  }

  identity {
    type = "SystemAssigned"
  }

  # Policies are part of the chart.
  network_profile {
    network_plugin      = "azure"
    network_plugin_mode = "overlay"
    network_data_plane  = "cilium"
    network_policy      = "cilium"
  }

  # Container Insights: lines of containers go to Log Analytics.
  dynamic "oms_agent" {
    for_each = azurerm_log_analytics_workspace.this
    content {
      log_analytics_workspace_id      = oms_agent.value.id
      msi_auth_for_monitoring_enabled = true
    }
  }

  # Managed Prometheus: /metrics of pods goes to the monitor workspace.
  dynamic "monitor_metrics" {
    for_each = var.enable_observability ? [1] : []
    content {}
  }

  lifecycle {
    ignore_changes = [default_node_pool[0].node_count]
  }
}

# --- who Weir is

resource "azurerm_user_assigned_identity" "weir" {
  name                = "${var.name}-weir"
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  tags                = var.tags
}

# A token of the service account is taken as one of the identity.
resource "azurerm_federated_identity_credential" "weir" {
  name                = "${var.namespace}-${var.service_account}"
  resource_group_name = azurerm_resource_group.this.name
  parent_id           = azurerm_user_assigned_identity.weir.id
  audience            = ["api://AzureADTokenExchange"]
  issuer              = azurerm_kubernetes_cluster.this.oidc_issuer_url
  subject             = "system:serviceaccount:${var.namespace}:${var.service_account}"
}

resource "azurerm_role_assignment" "openai_user" {
  for_each = var.openai_account_ids

  scope                = each.value
  role_definition_name = "Cognitive Services OpenAI User"
  principal_id         = azurerm_user_assigned_identity.weir.principal_id
}
